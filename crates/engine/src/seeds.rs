//! Seeds: benign perturbations of a wording, chosen by a hash, so that two people ask the same texts.
//!
//! Seed 0 leaves the wording as written.
//! For any other seed the list below is scanned from `h mod 6`, wrapping, `h` being
//! sha256(question id ‖ 0x00 ‖ wording number ‖ 0x00 ‖ seed) as a big-endian integer;
//! each entry is tested alone against the wording, and the first two that apply are
//! composed in list order.
//!
//! An entry applies where it changes the token ids of the *embedded string* (query
//! prefix and ANALYZER_CONF included) under the index's tokenizer: an entry that the
//! analyzer or an uncased vocabulary undoes would ask the same question twice and make
//! an unstable index look stable. An index without a known tokenizer may undo case and marks too,
//! so there an entry applies where it changes the *words*.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use wfgy_core::{Analyzer, Digest, EmbedSchema, PortError, Role, Tokenizer};

/// Entries of the list of perturbations.
const ENTRIES: usize = 6;
/// How many applicable entries make one perturbation.
const COMPOSED: usize = 2;
/// Entries that make sense in English only, 0-based.
const ENGLISH_ONLY: std::ops::RangeInclusive<usize> = 1..=4;

const PREFIX: &str = "Please tell me: ";
const SUFFIX: &str = " Thank you.";
const HOW_DO: &str = "How do I";
const HOW_CAN: &str = "How can I";

/// Rows of the contraction table: long form, short form.
static CONTRACTIONS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    include_str!("contractions.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// What a seed makes of a wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seeded {
    /// The text to ask.
    Text(String),
    /// Nothing to ask: the run is dropped and counted.
    Dropped(DropReason),
}

/// Why a run was dropped rather than asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// No entry of the list changes the token ids of the wording.
    NoPerturbationApplies,
    /// An earlier seed of the same wording asks the same text.
    SameTextAsEarlierSeed,
}

impl DropReason {
    /// Its name in `dropped_runs`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoPerturbationApplies => "no_perturbation_applies",
            Self::SameTextAsEarlierSeed => "same_text_as_earlier_seed",
        }
    }
}

/// Makes seeds' texts for one index and one language.
pub struct Perturber<'a> {
    sees: Sees<'a>,
    analyzer: Analyzer,
    english: bool,
}

/// What an index sees of a wording: a seed that leaves it as it is would ask twice.
enum Sees<'a> {
    /// Token ids of the embedded string.
    Tokens(&'a dyn Tokenizer, Option<&'a EmbedSchema>),
    /// Its words in lower case: what is left of a text in most lexical indexes.
    Words,
}

impl<'a> Perturber<'a> {
    /// For wordings that are embedded under `schema` (`None`: asked as text) and `analyzer`,
    /// tokenised by `tokenizer`, in the BCP 47 `language`.
    pub fn new(
        tokenizer: &'a dyn Tokenizer,
        schema: Option<&'a EmbedSchema>,
        analyzer: Analyzer,
        language: &str,
    ) -> Self {
        Self { sees: Sees::Tokens(tokenizer, schema), analyzer, english: is_english(language) }
    }

    /// For wordings that an index reads as text with a tokenizer of its own, of which nothing is
    /// known: an entry applies where it changes the words, whatever their case and the marks
    /// between them.
    pub fn of_words(analyzer: Analyzer, language: &str) -> Self {
        Self { sees: Sees::Words, analyzer, english: is_english(language) }
    }

    /// The text of every seed in order, seeds compared with the earlier ones of this wording.
    ///
    /// # Errors
    /// Where the wording cannot be tokenised.
    pub fn seeded(
        &self,
        question: &str,
        wording: usize,
        text: &str,
        seeds: &[u64],
    ) -> Result<Vec<Seeded>, PortError> {
        let applicable = if seeds.iter().any(|seed| *seed != 0) {
            self.applicable(text)?
        } else {
            [false; ENTRIES]
        };
        let mut earlier = BTreeSet::new();
        let texts = seeds.iter().map(|&seed| {
            let made = if seed == 0 {
                Some(text.to_owned())
            } else {
                compose(text, scan(question, wording, seed, &applicable))
            };
            match made {
                None => Seeded::Dropped(DropReason::NoPerturbationApplies),
                Some(made) if !earlier.insert(made.clone()) => {
                    Seeded::Dropped(DropReason::SameTextAsEarlierSeed)
                }
                Some(made) => Seeded::Text(made),
            }
        });
        Ok(texts.collect())
    }

    fn seen(&self, text: &str) -> Result<Seen, PortError> {
        match self.sees {
            Sees::Tokens(tokenizer, schema) => {
                let embedded = match schema {
                    Some(schema) => schema.compose(Role::Query, &self.analyzer, None, text),
                    None => self.analyzer.apply(text),
                };
                tokenizer.encode(&embedded).map(|tokens| Seen::Tokens(tokens.ids))
            }
            Sees::Words => {
                let text = self.analyzer.apply(text).to_lowercase();
                let words = text.split(|c: char| !c.is_alphanumeric());
                Ok(Seen::Words(words.filter(|w| !w.is_empty()).map(str::to_owned).collect()))
            }
        }
    }

    /// Which entries, each tested alone, change what the index sees.
    fn applicable(&self, text: &str) -> Result<[bool; ENTRIES], PortError> {
        let original = self.seen(text)?;
        let mut applicable = [false; ENTRIES];
        for (entry, applies) in applicable.iter_mut().enumerate() {
            if ENGLISH_ONLY.contains(&entry) && !self.english {
                continue;
            }
            if let Some(changed) = perturb(entry, text) {
                *applies = self.seen(&changed)? != original;
            }
        }
        Ok(applicable)
    }
}

/// A wording as an index sees it.
#[derive(PartialEq, Eq)]
enum Seen {
    Tokens(Vec<u32>),
    Words(Vec<String>),
}

/// Whether the primary subtag of a BCP 47 language is English.
fn is_english(language: &str) -> bool {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    primary.eq_ignore_ascii_case("en")
}

/// The entries that a seed composes, ascending; at most [`COMPOSED`].
fn scan(question: &str, wording: usize, seed: u64, applicable: &[bool; ENTRIES]) -> Vec<usize> {
    let key = format!("{question}\0{wording}\0{seed}");
    let start = Digest::of(key).modulo(ENTRIES as u64) as usize;
    let mut chosen: Vec<usize> = (0..ENTRIES)
        .map(|step| (start + step) % ENTRIES)
        .filter(|entry| applicable[*entry])
        .take(COMPOSED)
        .collect();
    chosen.sort_unstable();
    chosen
}

/// Applies `entries` one after the other; an entry that finds nothing after the ones before
/// it leaves the text as it is. `None` where there is no entry.
fn compose(text: &str, entries: Vec<usize>) -> Option<String> {
    (!entries.is_empty()).then(|| {
        entries
            .into_iter()
            .fold(text.to_owned(), |text, entry| perturb(entry, &text).unwrap_or(text))
    })
}

/// Entry `entry` (0-based) of the list, or `None` where it finds nothing to change.
fn perturb(entry: usize, text: &str) -> Option<String> {
    match entry {
        0 => Some(match text.strip_suffix(['?', '.', '!']) {
            Some(shorter) => shorter.to_owned(),
            None => format!("{text}?"),
        }),
        1 => CONTRACTIONS.iter().find_map(|(long, short)| {
            replace_word(text, long, short).or_else(|| replace_word(text, short, long))
        }),
        2 => Some(format!("{PREFIX}{text}")),
        3 => Some(format!("{text}{SUFFIX}")),
        4 => replace_start(text, HOW_DO, HOW_CAN).or_else(|| replace_start(text, HOW_CAN, HOW_DO)),
        5 => {
            let lower = text.to_lowercase();
            let changed = if lower == text { text.to_uppercase() } else { lower };
            (changed != text).then_some(changed)
        }
        _ => None,
    }
}

/// Replaces `from` at the start of `text`, ignoring ASCII case, where a word ends after it.
fn replace_start(text: &str, from: &str, to: &str) -> Option<String> {
    let head = text.get(..from.len())?;
    let rest = &text[from.len()..];
    let ends = !rest.starts_with(is_word);
    (ends && head.eq_ignore_ascii_case(from)).then(|| format!("{to}{rest}"))
}

/// Replaces the leftmost whole-word match of `from`, see `contractions.tsv`.
fn replace_word(text: &str, from: &str, to: &str) -> Option<String> {
    let mut before = None;
    for (start, first) in text.char_indices() {
        let bounded = !before.is_some_and(is_word);
        before = Some(first);
        if !bounded {
            continue;
        }
        let Some(rest) = strip_word(&text[start..], from) else { continue };
        let mut to = to.to_owned();
        if first.is_ascii_uppercase() {
            to[..1].make_ascii_uppercase();
        }
        return Some(format!("{}{to}{rest}", &text[..start]));
    }
    None
}

/// What follows `word` at the start of `text`, where a word ends there.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in word.chars() {
        let found = rest.next()?;
        let found = if found == '\u{2019}' { '\'' } else { found };
        if !found.eq_ignore_ascii_case(&expected) {
            return None;
        }
    }
    let rest = rest.as_str();
    (!rest.starts_with(is_word)).then_some(rest)
}

/// Letters, digits and apostrophes: what a contraction must not be cut out of.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '\'' || c == '\u{2019}'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{HashEmbedder, Words};

    fn seeded(language: &str, analyzer: &str, id: &str, text: &str, seeds: &[u64]) -> Vec<Seeded> {
        let schema = HashEmbedder::new("m").identity.schema;
        let perturber = Perturber::new(&Words, Some(&schema), analyzer.parse().unwrap(), language);
        perturber.seeded(id, 0, text, seeds).unwrap()
    }

    fn one(language: &str, id: &str, text: &str, seed: u64) -> Seeded {
        seeded(language, "none", id, text, &[seed]).remove(0)
    }

    #[test]
    fn rule_seed_0_leaves_the_wording_as_written() {
        assert_eq!(one("en", "Q", " as Is ", 0), Seeded::Text(" as Is ".into()));
    }

    #[test]
    fn rule_entry_1_drops_a_final_mark_else_adds_a_question_mark() {
        assert_eq!(perturb(0, "a?").unwrap(), "a");
        assert_eq!(perturb(0, "a.").unwrap(), "a");
        assert_eq!(perturb(0, "a!!").unwrap(), "a!");
        assert_eq!(perturb(0, "a").unwrap(), "a?");
        assert_eq!(perturb(0, "a? ").unwrap(), "a? ?");
    }

    #[test]
    fn rule_entry_2_is_the_first_row_that_matches_either_way() {
        assert_eq!(perturb(1, "Why do not we").unwrap(), "Why don't we");
        assert_eq!(perturb(1, "Don\u{2019}t we").unwrap(), "Do not we");
        assert_eq!(perturb(1, "What is it? It is").unwrap(), "What's it? It is");
        assert_eq!(perturb(1, "I can't, it is").unwrap(), "I cannot, it is");
        assert_eq!(perturb(1, "the whodunnit isnt"), None);
        assert_eq!(perturb(1, "redo not"), None);
        assert_eq!(perturb(1, "what isolates"), None);
    }

    #[test]
    fn rule_the_contraction_table_is_whole_and_has_no_row_that_undoes_another() {
        assert!(CONTRACTIONS.len() > 30);
        let unique: BTreeSet<_> = CONTRACTIONS.iter().map(|(long, _)| long).collect();
        assert_eq!(unique.len(), CONTRACTIONS.len());
        for (long, short) in CONTRACTIONS.iter() {
            assert!(short.contains('\'') && !long.contains('\''), "{long} {short}");
            assert_eq!(replace_word(long, long, short).as_deref(), Some(*short));
        }
    }

    #[test]
    fn rule_entry_5_swaps_how_do_i_and_how_can_i_at_the_start_in_any_case() {
        assert_eq!(perturb(4, "how do i stop").unwrap(), "How can I stop");
        assert_eq!(perturb(4, "How can I stop").unwrap(), "How do I stop");
        assert_eq!(perturb(4, "How do investors stop"), None);
        assert_eq!(perturb(4, "So how do I stop"), None);
        assert_eq!(perturb(4, "é"), None);
    }

    #[test]
    fn rule_entry_6_is_lower_case_or_upper_case_if_already_lower() {
        assert_eq!(perturb(5, "How ÄB").unwrap(), "how äb");
        assert_eq!(perturb(5, "how").unwrap(), "HOW");
        assert_eq!(perturb(5, "123"), None);
    }

    #[test]
    fn rule_scan_starts_at_the_hash_wraps_and_composes_the_first_two_in_list_order() {
        let all = [true; ENTRIES];
        for (question, wording, seed) in [("Q_1", 0, 1), ("Q_1", 3, 1), ("Q_2", 0, 7), ("é", 1, 12)]
        {
            let mut bytes = question.as_bytes().to_vec();
            bytes.push(0);
            bytes.extend(wording.to_string().bytes());
            bytes.push(0);
            bytes.extend(seed.to_string().bytes());
            // Big-endian remainder by hand: 256 ≡ 4 (mod 6).
            let start = Digest::of(&bytes)
                .as_bytes()
                .iter()
                .fold(0, |r, b| (r * 256 + usize::from(*b)) % 6);
            let mut expected = vec![start, (start + 1) % 6];
            expected.sort_unstable();
            assert_eq!(scan(question, wording, seed, &all), expected);
        }
        let mut some = [false; ENTRIES];
        some[2] = true;
        assert_eq!(scan("Q", 0, 1, &some), [2]);
        assert_eq!(scan("Q", 0, 1, &[false; ENTRIES]), Vec::<usize>::new());
        assert_eq!(
            compose("How do I stop?", vec![2, 4]).unwrap(),
            "Please tell me: How do I stop?"
        );
        assert_eq!(compose("Stop it?", vec![0, 3]).unwrap(), "Stop it Thank you.");
    }

    /// Texts written down once: another implementation of the list must give the same.
    #[test]
    fn golden_seeds() {
        let text = "How do I rotate the signing key if it is compromised?";
        let golden = [
            "How can I rotate the signing key if it is compromised? Thank you.",
            "How do I rotate the signing key if it's compromised",
            "How do I rotate the signing key if it's compromised",
            "How do I rotate the signing key if it's compromised",
            "Please tell me: How do I rotate the signing key if it's compromised?",
            "Please tell me: How do I rotate the signing key if it is compromised? Thank you.",
        ];
        let found: Vec<_> = (1..=6).map(|seed| one("en", "Q_0007", text, seed)).collect();
        assert_eq!(found, golden.map(|g| Seeded::Text(g.to_owned())));
    }

    #[test]
    fn rule_entries_that_leave_the_token_ids_unchanged_are_skipped() {
        // The tokenizer lower-cases: entry 6 never applies; German leaves entry 1 only.
        assert_eq!(one("de", "Q", "Wie geht das?", 1), Seeded::Text("Wie geht das".into()));
        assert_eq!(one("de", "Q", "Wie geht das", 5), Seeded::Text("Wie geht das?".into()));
        for seed in 1..50 {
            let Seeded::Text(text) = one("en", "Q", "How do I stop it", seed) else { panic!() };
            assert_ne!(text, "how do i stop it");
        }
    }

    #[test]
    fn rule_where_none_applies_or_the_text_repeats_the_run_is_dropped() {
        // German: only the final mark applies, so every seed gives one text.
        let texts = seeded("de", "none", "Q", "Wie?", &[0, 1, 2]);
        assert_eq!(texts[1], Seeded::Text("Wie".into()));
        assert_eq!(texts[2], Seeded::Dropped(DropReason::SameTextAsEarlierSeed));
        struct Deaf;
        impl Tokenizer for Deaf {
            fn version(&self) -> &str {
                "deaf"
            }
            fn encode(&self, _: &str) -> Result<wfgy_core::Tokens, PortError> {
                Ok(wfgy_core::Tokens::default())
            }
        }
        let schema = HashEmbedder::new("m").identity.schema;
        let perturber = Perturber::new(&Deaf, Some(&schema), Analyzer::default(), "en");
        assert_eq!(
            perturber.seeded("Q", 0, "a b", &[1]).unwrap(),
            [Seeded::Dropped(DropReason::NoPerturbationApplies)]
        );
    }

    #[test]
    fn rule_entries_2_to_5_are_for_english_only() {
        for seed in 1..40 {
            for language in ["de", "fr-CA", "eng"] {
                let Seeded::Text(text) = one(language, "Q", "What is it?", seed) else { panic!() };
                assert_eq!(text, "What is it");
            }
        }
        let english = |language| {
            (1..40)
                .any(|s| one(language, "Q", "What is it?", s) != one("de", "Q", "What is it?", s))
        };
        assert!(english("en") && english("en-GB"));
    }

    #[test]
    fn rule_without_a_known_tokenizer_an_entry_must_change_the_words() {
        let perturber = Perturber::of_words(Analyzer::default(), "en");
        let applicable = perturber.applicable("How do I restore a backup?").unwrap();
        // Neither the final mark nor the case is one that a lexical index is sure to see.
        assert_eq!(applicable, [false, false, true, true, true, false]);
        let perturber = Perturber::of_words(Analyzer::default(), "de");
        let seeded = perturber.seeded("Q", 0, "Wie geht das?", &[0, 1]).unwrap();
        assert_eq!(seeded[1], Seeded::Dropped(DropReason::NoPerturbationApplies));
    }
}
