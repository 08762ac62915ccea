//! The inner levels: seeds within a wording, wordings within a question.

/// Arithmetic mean in slice order; `None` for an empty slice.
///
/// Not finite where a value is not: [`crate::Sample`] then refuses it by position.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// One question's value: the mean over its wordings of the mean over each wording's seeds.
///
/// `wordings[w]` are the values of the runs of wording `w`; a wording without a value (all its
/// runs failed or were dropped) takes no part, so a wording with one seed weighs as much as one
/// with two. `None` where no wording has a value.
pub fn question_value(wordings: &[Vec<f64>]) -> Option<f64> {
    let means: Vec<f64> = wordings.iter().filter_map(|seeds| mean(seeds)).collect();
    mean(&means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_inner_levels_are_means_of_means_not_one_pool() {
        let wordings = [vec![0.2, 0.4], vec![0.9], vec![]];
        assert_eq!(question_value(&wordings), Some((0.2 + 0.4) / 2.0 / 2.0 + 0.9 / 2.0));
        assert_eq!(question_value(&[vec![], vec![]]), None);
        assert_eq!(question_value(&[]), None);
    }

    #[test]
    fn a_value_that_is_not_a_number_is_not_averaged_away() {
        assert!(question_value(&[vec![0.1, f64::NAN], vec![0.1]]).unwrap().is_nan());
    }
}
