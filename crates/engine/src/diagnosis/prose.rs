//! What texts are like as texts: one passage in most of them, another language in some, ends
//! that all come at the same place.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Words of a passage that is looked for in several sections.
const SHINGLE: usize = 8;
/// Share of sections that hold a passage from which on it is one of all of them.
const COMMON: f64 = 0.3;
/// Sections that a common passage must be in.
const LEAST_SECTIONS: usize = 5;
/// The most frequent words of the questions, which are nearly all grammar.
const GRAMMAR: usize = 40;
/// Words of questions and quotes from which on the most frequent ones are grammar: those of one
/// question are its subject.
const LEAST_SPOKEN: usize = 200;
/// Words from which on the language of a document can be told.
const LEAST_WORDS: usize = 40;
/// A document with less than this share of the grammar of the others is in another language.
const FOREIGN: f64 = 0.45;

/// What texts are like as texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProseSight {
    /// Sections that were read.
    pub sections: usize,
    /// Share of them that hold a passage of eight words that at least 30 % of them hold.
    pub with_common_passage: f64,
    /// Share of all words that stand in such a passage.
    pub common_words: f64,
    /// Documents that are long enough to tell their language.
    pub told: usize,
    /// Share of them in which the most frequent words of the questions are rare, or whose letters
    /// are of another script.
    pub foreign: f64,
    /// Share of sections that say what a section of another document says, word by word.
    pub repeated: f64,
}

/// Collects, section by section.
pub(super) struct Prose {
    grammar: BTreeSet<String>,
    script: Option<Script>,
    shingles: BTreeMap<u64, usize>,
    sections: Vec<Vec<u64>>,
    words: Vec<usize>,
    documents: BTreeMap<String, Counted>,
    texts: BTreeMap<u64, BTreeSet<String>>,
    text_of: Vec<u64>,
}

#[derive(Default)]
struct Counted {
    words: usize,
    grammar: usize,
    letters: usize,
    native: usize,
}

/// Scripts told apart by the block that a letter stands in: enough to see that it changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Semitic,
    Indic,
    EastAsian,
    Other,
}

impl Script {
    fn of(c: char) -> Self {
        match c as u32 {
            0..=0x24f | 0x1e00..=0x1eff => Self::Latin,
            0x370..=0x3ff | 0x1f00..=0x1fff => Self::Greek,
            0x400..=0x52f => Self::Cyrillic,
            0x590..=0x7ff => Self::Semitic,
            0x900..=0xdff => Self::Indic,
            0x1100..=0x11ff | 0x3040..=0x9fff | 0xac00..=0xd7af | 0x20000..=0x3ffff => {
                Self::EastAsian
            }
            _ => Self::Other,
        }
    }
}

/// Words in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let split = text.split(|c: char| !c.is_alphanumeric());
    split.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// A number that two equal things share in every run of one build of the program.
fn digest(of: impl Hash) -> u64 {
    // Its keys are fixed, and the numbers never leave the process.
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Prose {
    /// `spoken`: questions and quotes, which are in the language that is asked in.
    pub(super) fn new<'t>(spoken: impl Iterator<Item = &'t str>) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut scripts: BTreeMap<Script, usize> = BTreeMap::new();
        let mut said = 0;
        for text in spoken {
            let words = words(text);
            said += words.len();
            for word in words {
                *counts.entry(word).or_default() += 1;
            }
            for c in text.chars().filter(|c| c.is_alphabetic()) {
                *scripts.entry(Script::of(c)).or_default() += 1;
            }
        }
        let mut frequent: Vec<(String, usize)> = counts.into_iter().collect();
        frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let grammar = if said < LEAST_SPOKEN { 0 } else { GRAMMAR };
        Self {
            grammar: frequent.into_iter().take(grammar).map(|(word, _)| word).collect(),
            script: scripts.into_iter().max_by_key(|(_, n)| *n).map(|(script, _)| script),
            shingles: BTreeMap::new(),
            sections: Vec::new(),
            words: Vec::new(),
            documents: BTreeMap::new(),
            texts: BTreeMap::new(),
            text_of: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, doc_id: &str, text: &str) {
        let words = words(text);
        let counted = self.documents.entry(doc_id.to_owned()).or_default();
        counted.words += words.len();
        counted.grammar += words.iter().filter(|word| self.grammar.contains(*word)).count();
        for c in text.chars().filter(|c| c.is_alphabetic()) {
            counted.letters += 1;
            counted.native += usize::from(Some(Script::of(c)) == self.script);
        }
        let whole = digest(&words);
        self.texts.entry(whole).or_default().insert(doc_id.to_owned());
        self.text_of.push(whole);
        let shingles: Vec<u64> = words.windows(SHINGLE).map(digest).collect();
        for shingle in shingles.iter().collect::<BTreeSet<_>>() {
            *self.shingles.entry(*shingle).or_default() += 1;
        }
        self.sections.push(shingles);
        self.words.push(words.len());
    }

    pub(super) fn sight(&self) -> ProseSight {
        let n = self.sections.len();
        if n == 0 {
            return ProseSight::default();
        }
        let share = |count: usize| count as f64 / n as f64;
        let least = ((COMMON * n as f64).ceil() as usize).max(LEAST_SECTIONS);
        let common = |shingle: &u64| self.shingles.get(shingle).is_some_and(|n| *n >= least);
        let with = self.sections.iter().filter(|section| section.iter().any(common)).count();
        let mut inside = 0;
        for section in &self.sections {
            let mut open = 0;
            for shingle in section {
                open = if common(shingle) { SHINGLE } else { open.saturating_sub(1) };
                inside += usize::from(open > 0);
            }
            inside += open.saturating_sub(1);
        }
        let all: usize = self.words.iter().sum();
        let (told, foreign) = self.languages();
        let elsewhere = |text: &&u64| self.texts.get(text).is_some_and(|docs| docs.len() > 1);
        ProseSight {
            sections: n,
            with_common_passage: share(with),
            common_words: if all == 0 { 0.0 } else { (inside as f64 / all as f64).min(1.0) },
            told,
            foreign,
            repeated: share(self.text_of.iter().filter(elsewhere).count()),
        }
    }

    /// Documents whose language can be told, and the share of them that is in another.
    fn languages(&self) -> (usize, f64) {
        let long = || self.documents.values().filter(|counted| counted.words >= LEAST_WORDS);
        let grammar = |counted: &Counted| counted.grammar as f64 / counted.words as f64;
        let mut shares: Vec<f64> = long().map(grammar).collect();
        if shares.len() < LEAST_SECTIONS {
            return (shares.len(), 0.0);
        }
        shares.sort_by(f64::total_cmp);
        let usual = shares[shares.len() * 9 / 10];
        let foreign = |counted: &&Counted| {
            let script = 2 * counted.native < counted.letters;
            script || grammar(counted) < FOREIGN * usual
        };
        (shares.len(), long().filter(foreign).count() as f64 / shares.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &str = "the way to do it is the one that the keeper of the house has told you";
    const GERMAN: &str = "der Weg zu tun es ist der eine das der Wirt von der Haus hat gesagt dir";

    fn sight(texts: &[String]) -> ProseSight {
        sight_of(20, texts)
    }

    fn sight_of(times: usize, texts: &[String]) -> ProseSight {
        let spoken = ["What is the way to do that?", "Who has told you of the keeper of it?"];
        let mut prose = Prose::new(spoken.into_iter().cycle().take(2 * times));
        for (n, text) in texts.iter().enumerate() {
            prose.take(&format!("d{n}"), text);
        }
        prose.sight()
    }

    fn own(n: usize) -> String {
        (0..12).map(|i| format!("word{n}x{i} ")).collect()
    }

    #[test]
    fn rule_a_passage_in_most_sections_is_common_and_their_own_words_are_not() {
        let plain: Vec<String> = (0..20).map(own).collect();
        assert_eq!(sight(&plain).with_common_passage, 0.0);
        let banner = "this page is for members only and must not be copied by anybody ";
        let same: Vec<String> = (0..20).map(|n| format!("{banner}{}", own(n))).collect();
        let seen = sight(&same);
        assert_eq!(seen.with_common_passage, 1.0);
        assert!((seen.common_words - 13.0 / 25.0).abs() < 0.03, "{seen:?}");
        assert_eq!(seen.repeated, 0.0);
    }

    #[test]
    fn rule_documents_without_the_grammar_of_the_questions_are_foreign() {
        let text =
            |language: &str, n: usize| format!("{} {}", format!("{language} ").repeat(4), own(n));
        let english: Vec<String> = (0..12).map(|n| text(ENGLISH, n)).collect();
        assert_eq!(sight(&english).foreign, 0.0);
        let half: Vec<String> =
            (0..12).map(|n| text(if n % 2 == 0 { ENGLISH } else { GERMAN }, n)).collect();
        assert_eq!(sight(&half).foreign, 0.5);
        let greek: Vec<String> = (0..12).map(|_| "ο δρόμος είναι μακρύς ".repeat(12)).collect();
        assert_eq!(sight(&greek).foreign, 1.0);
    }

    #[test]
    fn rule_the_words_of_one_question_tell_no_language() {
        let text =
            |n: usize| if n < 6 { format!("{ENGLISH} ").repeat(4) } else { own(n).repeat(4) };
        let texts: Vec<String> = (0..12).map(text).collect();
        assert_eq!(sight_of(20, &texts).foreign, 0.5);
        assert_eq!(sight_of(2, &texts).foreign, 0.0);
    }

    #[test]
    fn rule_a_text_in_two_documents_is_repeated() {
        let mut texts: Vec<String> = (0..10).map(own).collect();
        texts.extend((0..5).map(|n| format!("  {}\n", own(n))));
        assert!((sight(&texts).repeated - 10.0 / 15.0).abs() < 1e-12);
    }
}
