//! Unions of half-open spans.

use wfgy_core::Span;

/// Disjoint spans, ascending; spans that touch are one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanUnion {
    spans: Vec<Span>,
}

impl SpanUnion {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a span; an empty one adds nothing.
    pub fn insert(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        // Everything that overlaps or touches `span` becomes one with it.
        let from = self.spans.partition_point(|s| s.end < span.start);
        let to = self.spans.partition_point(|s| s.start <= span.end);
        let merged = self.spans[from..to]
            .iter()
            .fold(span, |m, s| Span::new(m.start.min(s.start), m.end.max(s.end)));
        self.spans.splice(from..to, [merged]);
    }

    /// Whether every position of `span` lies inside; an empty span lies nowhere.
    pub fn contains(&self, span: Span) -> bool {
        if span.is_empty() {
            return false;
        }
        let after = self.spans.partition_point(|s| s.start <= span.start);
        after > 0 && self.spans[after - 1].contains(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn union_agrees_with_a_set_of_positions() {
        let mut state = 12_345u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % n) as usize
        };
        for _ in 0..300 {
            let mut inside = [false; 40];
            let mut union = SpanUnion::new();
            for _ in 0..next(8) {
                let span = Span::new(next(40), next(41));
                union.insert(span);
                (span.start..span.end).for_each(|i| inside[i] = true);
            }
            assert!(union.spans.windows(2).all(|w| w[0].end < w[1].start));
            for start in 0..40 {
                for end in start + 1..=40 {
                    let all = inside[start..end].iter().all(|x| *x);
                    assert_eq!(union.contains(Span::new(start, end)), all);
                }
            }
        }
    }

    #[test]
    fn spans_that_touch_cover_what_straddles_them() {
        let mut union = SpanUnion::new();
        union.insert(Span::new(5, 9));
        union.insert(Span::new(0, 5));
        assert!(union.contains(Span::new(3, 7)));
        assert!(!union.contains(Span::new(3, 3)));
    }
}
