//! Curves and distributions drawn with block characters, beside their digits.

use wfgy_core::Number;
use wfgy_core::evaluation::Curves;

/// An eighth of a line's height each.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Coverage and ΔS against k, the cutoffs above them: a curve is a line of digits and bars, and two
/// of the ends of their intervals.
pub(super) fn curves(curves: &Curves) -> Vec<String> {
    let mut head = format!("{:<22}", "against k");
    for k in &curves.k {
        head.push_str(&format!("{k:>7}"));
    }
    let rows = [
        ("coverage", &curves.coverage),
        ("ΔS of the hits, mean", &curves.delta_s),
        ("ΔS to the anchor, best", &curves.delta_s_anchor),
    ];
    let mut lines = vec![head];
    for (name, values) in rows {
        if values.iter().all(Option::is_none) {
            continue;
        }
        let of = |value: &dyn Fn(&Number) -> Option<f64>| -> Vec<Option<f64>> {
            values.iter().map(|number| number.as_ref().and_then(value)).collect()
        };
        let points = of(&|number| Some(number.point));
        // Both kinds are drawn on [0, 1]: what is above it is as bad as it gets.
        lines.push(format!("{name:<22}{}   {}", digits(&points), bars(&points)));
        for (name, ends) in
            [("  from", of(&|number| number.ci?.lower)), ("  to", of(&|number| number.ci?.upper))]
        {
            lines.push(format!("{name:<22}{}", digits(&ends)));
        }
    }
    lines
}

/// A column a value.
fn digits(values: &[Option<f64>]) -> String {
    let column =
        |value: &Option<f64>| value.map_or("      –".to_owned(), |v| format!("{v:>7.3}"));
    values.iter().map(column).collect()
}

/// Columns of a distribution.
const COLUMNS: usize = 48;

/// A row a distribution on one scale, each as high as its fullest column, with the bound marked
/// under them and the ends of the scale beside it.
pub(super) fn distributions(rows: &[(&str, &[f64])], bound: f64) -> Vec<String> {
    let all = || rows.iter().flat_map(|(_, values)| values.iter().copied()).chain([bound]);
    let (lowest, highest) = (all().fold(2.0, f64::min), all().fold(0.0, f64::max));
    let column = |value: f64| {
        let share = (value - lowest) / (highest - lowest).max(f64::MIN_POSITIVE);
        ((share * COLUMNS as f64) as usize).min(COLUMNS - 1)
    };
    let mut lines = Vec::new();
    for (name, values) in rows {
        let mut counts = [0usize; COLUMNS];
        for value in *values {
            counts[column(*value)] += 1;
        }
        let most = counts.into_iter().max().unwrap_or(0).max(1);
        let bar = |count: usize| match count {
            0 => ' ',
            count => BARS[(count * (BARS.len() - 1)).div_ceil(most)],
        };
        lines.push(format!("{name:<26}{}", counts.map(bar).iter().collect::<String>().trim_end()));
    }
    lines.push(format!("{:<26}{}^ {bound}", "", " ".repeat(column(bound))));
    lines.push(format!("{:<26}{:<41}{highest:>7.3}", "ΔS", format!("{lowest:.3}")));
    lines
}

/// Two columns a value on the scale of [0, 1].
fn bars(values: &[Option<f64>]) -> String {
    let bar = |value: &Option<f64>| match value {
        Some(value) => {
            let eighth = (value.clamp(0.0, 1.0) * (BARS.len() - 1) as f64).round() as usize;
            String::from_iter([BARS[eighth]; 2])
        }
        None => "  ".to_owned(),
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use wfgy_core::{Aggregate, Direction, Interval};

    use super::*;

    #[test]
    fn distributions_share_one_scale_and_the_bound_stands_on_it() {
        let drawn = distributions(&[("a", &[0.0, 0.0, 0.5]), ("b", &[1.0])], 0.5);
        assert_eq!(drawn[0].chars().nth(26), Some('█'));
        assert_eq!(drawn[0].chars().nth(26 + 24), Some('▅'));
        assert_eq!(drawn[1].chars().nth(26 + 47), Some('█'));
        assert_eq!(drawn[2].find('^'), Some(26 + 24));
        assert!(drawn[3].starts_with("ΔS") && drawn[3].ends_with("  1.000"), "{}", drawn[3]);
        assert_eq!(drawn[3].chars().count(), 26 + 48);
    }

    #[test]
    fn curves_stand_under_their_cutoffs() {
        let number = |point: f64, upper: Option<f64>| {
            Some(Number {
                point,
                ci: Some(Interval { level: 0.95, lower: Some(point / 2.0), upper }),
                n_questions: 40,
                aggregate: Aggregate::Mean,
                direction: Direction::HigherIsBetter,
            })
        };
        let drawn = curves(&Curves {
            k: vec![1, 10, 50],
            coverage: vec![number(0.0, Some(0.25)), number(0.5, Some(0.75)), number(1.0, None)],
            delta_s: vec![number(0.25, Some(0.5)), None, number(1.7, Some(1.8))],
            delta_s_anchor: vec![None; 3],
        });
        assert_eq!(drawn.len(), 7, "a curve without data is not drawn");
        assert_eq!(drawn[0].chars().count(), 22 + 21);
        for (line, end) in [
            (1, "  0.000  0.500  1.000   ▁▁▅▅██"),
            (2, "  from                  0.000  0.250  0.500"),
            (3, "  to                    0.250  0.750      –"),
            (4, "  0.250      –  1.700   ▃▃  ██"),
            (5, "  0.125      –  0.850"),
            (6, "  0.500      –  1.800"),
        ] {
            assert!(drawn[line].ends_with(end), "{}", drawn[line]);
        }
    }
}
