//! ΔS: semantic distance, and what is made of it within a run.

use wfgy_kernel::{dot_f64, norm_f64, round9};

/// Question means below this are stable.
pub const STABLE_BELOW: f64 = 0.40;
/// Question means from this on are critical.
pub const CRITICAL_FROM: f64 = 0.60;
/// ΔS of a run that was answered without hits: the worst there is.
pub const NO_HITS: f64 = 2.0;

/// A vector without a ΔS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeltaSError {
    /// All components are zero: it has no direction.
    #[error("{item}: its vector is zero and has no direction")]
    Zero {
        /// Whose vector.
        item: String,
    },
    /// A component is NaN or infinite.
    #[error("{item}: component {component} of its vector is not finite")]
    NotFinite {
        /// Whose vector.
        item: String,
        /// Which component, 0-based.
        component: usize,
    },
    /// It has another number of components than the scoring embedder's vectors.
    #[error("{item}: its vector has {found} components, expected {expected}")]
    Dimension {
        /// Whose vector.
        item: String,
        /// Components it has.
        found: usize,
        /// Components it should have.
        expected: usize,
    },
}

/// A vector that has a ΔS: finite, not zero, of the expected dimension.
#[derive(Debug, Clone, Copy)]
pub struct Vector<'a> {
    values: &'a [f32],
    norm: f64,
}

impl<'a> Vector<'a> {
    /// Checks the vector of `item`, a name that an error can show.
    ///
    /// # Errors
    /// [`DeltaSError`] with the item's name.
    pub fn new(item: &str, values: &'a [f32], dim: usize) -> Result<Self, DeltaSError> {
        let item = || item.to_owned();
        if values.len() != dim {
            let found = values.len();
            return Err(DeltaSError::Dimension { item: item(), found, expected: dim });
        }
        if let Some(component) = values.iter().position(|x| !x.is_finite()) {
            return Err(DeltaSError::NotFinite { item: item(), component });
        }
        let norm = norm_f64(values);
        if norm == 0.0 {
            return Err(DeltaSError::Zero { item: item() });
        }
        Ok(Self { values, norm })
    }

    /// Its components.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }
}

/// `ΔS(a, b) = 1 − cos(a, b)`, in [0, 2], lower is closer; f64 sums in the kernel's fixed order.
///
/// # Panics
/// Where the two were checked against different dimensions.
pub fn delta_s(a: Vector<'_>, b: Vector<'_>) -> f64 {
    1.0 - (dot_f64(a.values, b.values) / (a.norm * b.norm)).clamp(-1.0, 1.0)
}

/// Smallest ΔS between `a` and any of `others`, as to the nearest anchor; `None` without others.
pub fn nearest(a: Vector<'_>, others: &[Vector<'_>]) -> Option<f64> {
    others.iter().map(|b| delta_s(a, *b)).min_by(f64::total_cmp)
}

/// `delta_s.decoy − delta_s.anchor`, higher is better: near zero the neighbourhood cannot tell
/// the target from anything else.
pub fn triangulation(decoy: f64, anchor: f64) -> f64 {
    decoy - anchor
}

/// What a run reports of one kind of ΔS over its hits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtK {
    /// At rank 1.
    pub first: f64,
    /// Minimum over the top k.
    pub best: f64,
    /// Mean over the top k.
    pub mean: f64,
}

impl AtK {
    /// Over the ΔS of the hits, best hit first, cut at `k` snippets (at least 1).
    ///
    /// No hits give [`NO_HITS`] three times, as docs/spec.md says of runs answered without hits.
    pub fn of(values: &[f64], k: usize) -> Self {
        let top = &values[..values.len().min(k.max(1))];
        let Some(first) = top.first() else {
            return Self { first: NO_HITS, best: NO_HITS, mean: NO_HITS };
        };
        let best = top.iter().copied().min_by(f64::total_cmp).unwrap_or(NO_HITS);
        Self { first: *first, best, mean: top.iter().sum::<f64>() / top.len() as f64 }
    }
}

/// Share of `decoys` (ΔS between a wording and its decoys) farther than `target`, its nearest
/// target snippet; ties after rounding to 9 decimals count ½; in [0, 1], higher is better.
///
/// `None` without decoys. With the single hard neighbour it is `delta_s.auc_hard`: 1, ½ or 0.
pub fn auc(target: f64, decoys: &[f64]) -> Option<f64> {
    if decoys.is_empty() || !target.is_finite() {
        return None;
    }
    let wins: f64 = decoys
        .iter()
        .map(|decoy| match round9(*decoy).partial_cmp(&round9(target)) {
            Some(std::cmp::Ordering::Greater) => 1.0,
            Some(std::cmp::Ordering::Equal) => 0.5,
            _ => 0.0,
        })
        .sum();
    Some(wins / decoys.len() as f64)
}

/// Which band a question's mean ΔS falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Below 0.40.
    Stable,
    /// From 0.40 on, below 0.60.
    Transitional,
    /// From 0.60 on; also what is not finite.
    Critical,
}

impl Band {
    /// The band of a question mean, after rounding to 9 decimals.
    pub fn of(mean: f64) -> Self {
        let mean = round9(mean);
        if mean < STABLE_BELOW {
            Self::Stable
        } else if mean < CRITICAL_FROM {
            Self::Transitional
        } else {
            Self::Critical
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(values: &[f32]) -> Vector<'_> {
        Vector::new("test", values, values.len()).unwrap()
    }

    #[test]
    fn rule_delta_s_is_one_minus_cosine_in_0_to_2() {
        assert_eq!(delta_s(v(&[2.0, 0.0]), v(&[5.0, 0.0])), 0.0);
        assert_eq!(delta_s(v(&[2.0, 0.0]), v(&[0.0, 1.0])), 1.0);
        assert_eq!(delta_s(v(&[2.0, 0.0]), v(&[-1.0, 0.0])), 2.0);
        let expected = 1.0 - 0.5f64.sqrt();
        assert!((delta_s(v(&[1.0, 1.0]), v(&[3.0, 0.0])) - expected).abs() < 1e-15);
        // Rounding never leaves the range.
        let a: Vec<f32> = (1..400).map(|i| 1.0 / i as f32).collect();
        assert!((0.0..1e-15).contains(&delta_s(v(&a), v(&a))));
    }

    #[test]
    fn rule_a_zero_or_non_finite_vector_is_an_error_with_the_items_name() {
        let zero = Vector::new("snippet a#b#0-9", &[0.0, -0.0], 2).unwrap_err();
        assert_eq!(zero.to_string(), "snippet a#b#0-9: its vector is zero and has no direction");
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = Vector::new("anchor 1", &[1.0, bad], 2).unwrap_err();
            assert_eq!(error, DeltaSError::NotFinite { item: "anchor 1".into(), component: 1 });
        }
        let error = Vector::new("x", &[1.0], 2).unwrap_err().to_string();
        assert_eq!(error, "x: its vector has 1 components, expected 2");
        // Tiny and huge, but finite and not zero, have a direction.
        assert!(delta_s(v(&[1e-45, 0.0]), v(&[f32::MAX, 0.0])).abs() < 1e-12);
    }

    #[test]
    fn rule_anchor_is_the_nearest_one() {
        let (hit, far, near) = ([1.0, 0.0], [0.0, 1.0], [1.0, 0.2]);
        let nearest_ds = nearest(v(&hit), &[v(&far), v(&near)]).unwrap();
        assert_eq!(nearest_ds, delta_s(v(&hit), v(&near)));
        assert_eq!(nearest(v(&hit), &[]), None);
        assert!((triangulation(0.9, 0.2) - 0.7).abs() < 1e-15);
    }

    #[test]
    fn rule_first_best_and_mean_are_over_the_top_k() {
        let at = AtK::of(&[0.5, 0.3, 0.7, 0.0], 3);
        assert_eq!((at.first, at.best, at.mean), (0.5, 0.3, 0.5));
        assert_eq!(AtK::of(&[0.5], 10), AtK { first: 0.5, best: 0.5, mean: 0.5 });
    }

    #[test]
    fn rule_a_run_without_hits_has_delta_s_2() {
        assert_eq!(AtK::of(&[], 10), AtK { first: 2.0, best: 2.0, mean: 2.0 });
    }

    #[test]
    fn rule_bands_are_stable_below_040_and_critical_from_060() {
        assert_eq!(Band::of(0.399_999_999), Band::Stable);
        assert_eq!(Band::of(0.4 - 1e-12), Band::Transitional);
        assert_eq!(Band::of(0.599_999_999), Band::Transitional);
        assert_eq!(Band::of(0.6 - 1e-12), Band::Critical);
        assert_eq!(Band::of(f64::NAN), Band::Critical);
    }

    #[test]
    fn rule_auc_counts_ties_half_after_rounding() {
        assert_eq!(auc(0.3, &[0.5, 0.3 + 1e-12, 0.1, 0.9]), Some(2.5 / 4.0));
        assert_eq!(auc(0.3, &[0.4]), Some(1.0));
        assert_eq!(auc(0.3, &[f64::NAN]), Some(0.0));
        assert_eq!(auc(0.3, &[]), None);
        assert_eq!(auc(f64::NAN, &[0.4]), None);
    }
}
