//! Wording slots: the question as written, its first paraphrase, its second …

use crate::{Sample, compare};

/// The per-question values of one wording slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Wording number, 0 as written.
    pub wording: usize,
    /// How many questions have this wording, whether or not a run of it was usable.
    pub questions: usize,
    /// One value (mean over seeds) per question with a usable run of this wording.
    pub values: Vec<f64>,
}

/// The median over questions of one slot.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotMedian {
    /// Wording number.
    pub wording: usize,
    /// The slot's values.
    pub sample: Sample,
}

/// All slots that count, and which is worst.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstSlot {
    /// Every slot that counts, by wording number.
    pub slots: Vec<SlotMedian>,
    /// Position in `slots` of the one with the highest median, the first on ties (9 decimals).
    pub worst: usize,
}

impl WorstSlot {
    /// The slot with the highest median.
    pub fn slot(&self) -> &SlotMedian {
        &self.slots[self.worst]
    }
}

/// The slot with the highest median, where lower is better; a slot that fewer than half of the
/// `n_questions` have is no slot.
///
/// `None`, no data, where no slot counts, or where one that counts has no finite value: a bound
/// holds for EVERY slot, so one that cannot be measured is never passed over.
pub fn worst_slot(slots: &[Slot], n_questions: usize) -> Option<WorstSlot> {
    let mut counted = Vec::new();
    for slot in slots.iter().filter(|slot| slot.questions > 0 && 2 * slot.questions >= n_questions)
    {
        let sample = Sample::new(slot.values.clone()).ok()?;
        counted.push(SlotMedian { wording: slot.wording, sample });
    }
    counted.sort_by_key(|slot| slot.wording);
    let mut worst = 0;
    for (i, slot) in counted.iter().enumerate() {
        if compare(slot.sample.median(), counted[worst].sample.median())
            == Some(std::cmp::Ordering::Greater)
        {
            worst = i;
        }
    }
    (!counted.is_empty()).then_some(WorstSlot { slots: counted, worst })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(wording: usize, values: &[f64]) -> Slot {
        Slot { wording, questions: values.len(), values: values.to_vec() }
    }

    #[test]
    fn rule_max_ds_is_the_worst_slots_median_the_first_on_ties() {
        let slots = [slot(0, &[0.3, 0.3, 0.9]), slot(1, &[0.4, 0.5, 0.5]), slot(2, &[0.5; 3])];
        let worst = worst_slot(&slots, 3).unwrap();
        assert_eq!((worst.slot().wording, worst.slot().sample.median()), (1, 0.5));
        assert_eq!(worst.slots.len(), 3);
    }

    #[test]
    fn rule_a_slot_that_fewer_than_half_of_the_questions_have_is_no_slot() {
        let slots = [slot(0, &[0.3; 5]), slot(1, &[0.9; 2])];
        assert_eq!(worst_slot(&slots, 5).unwrap().slot().wording, 0);
        assert_eq!(worst_slot(&slots, 4).unwrap().slot().wording, 1);
    }

    #[test]
    fn rule_a_slot_without_values_is_no_data_and_never_passed_over() {
        let empty = Slot { wording: 1, questions: 5, values: vec![] };
        assert_eq!(worst_slot(&[slot(0, &[0.1; 5]), empty], 5), None);
        assert_eq!(worst_slot(&[slot(0, &[0.1, f64::NAN])], 2), None);
        assert_eq!(worst_slot(&[], 0), None);
    }
}
