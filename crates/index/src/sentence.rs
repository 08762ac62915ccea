//! UAX #29 sentence boundaries in linear time.
//!
//! `unicode-segmentation` looks ahead anew at every position for rule SB8, which is quadratic in
//! a long run of spaces or brackets after a full stop: one hostile section would stop a build.
//! The rules are restated here with that look-ahead remembered. The character classes are the
//! crate's own, learnt from how it cuts strings of two to four characters, so that both follow
//! one version of Unicode; a property test holds both to the same boundaries.

use std::sync::atomic::{AtomicU8, Ordering};

use unicode_segmentation::UnicodeSegmentation;

/// Sentence_Break property values that the rules tell apart (Extend and Format are one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Cr = 1,
    Lf,
    Sep,
    Extend,
    Sp,
    Lower,
    Upper,
    OLetter,
    Numeric,
    ATerm,
    SContinue,
    STerm,
    Close,
    Other,
}

const CLASSES: [Class; 14] = [
    Class::Cr,
    Class::Lf,
    Class::Sep,
    Class::Extend,
    Class::Sp,
    Class::Lower,
    Class::Upper,
    Class::OLetter,
    Class::Numeric,
    Class::ATerm,
    Class::SContinue,
    Class::STerm,
    Class::Close,
    Class::Other,
];

/// Classes learnt so far, by code point; 0 where not yet.
static LEARNT: [AtomicU8; 0x11_0000] = [const { AtomicU8::new(0) }; 0x11_0000];

fn class(c: char) -> Class {
    let learnt = &LEARNT[c as usize];
    // Every thread would store the same value, so no ordering is needed.
    if let Some(class) = CLASSES.get(usize::from(learnt.load(Ordering::Relaxed)).wrapping_sub(1)) {
        return *class;
    }
    let class = learn(c);
    learnt.store(class as u8, Ordering::Relaxed);
    class
}

/// Asks the crate how it cuts short strings around `c`; comments name the rule that decides.
fn learn(c: char) -> Class {
    let cuts = |before: &str, after: &str| {
        let text: String = before.chars().chain([c]).chain(after.chars()).collect();
        text.split_sentence_bounds().count() > 1
    };
    match c {
        '\r' => return Class::Cr,
        '\n' => return Class::Lf,
        // SB4 cuts behind a separator; SB8a keeps SContinue at a terminator, SB998 elsewhere.
        _ if cuts("", ",") => return Class::Sep,
        // SB11; SB8 spares ATerm where a lower case letter follows.
        _ if cuts("", "A") => return if cuts("", "a") { Class::STerm } else { Class::ATerm },
        _ => {}
    }
    if cuts("!", "") {
        // SB11 cut, so the class is none that SB5, SB8a, SB9 or SB10 attach to a terminator.
        return if !cuts(". ", "") {
            Class::Lower // SB8
        } else if !cuts(".", "") {
            Class::Numeric // SB6
        } else if !cuts("a.", "") {
            Class::Upper // SB7
        } else if !cuts(". ", "a") {
            Class::Other // SB8 looks past it
        } else {
            Class::OLetter
        };
    }
    if !cuts("!", "A") {
        Class::SContinue // SB8a
    } else if cuts("! ", "") {
        Class::Close // SB9 knows it before spaces only
    } else if cuts("!", ")") {
        Class::Sp // likewise, with the roles exchanged
    } else {
        Class::Extend // SB5
    }
}

/// How far `SATerm Close* Sp*` has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Term,
    Close,
    Sp,
}

/// Boundaries inside `text` in Unicode scalar values, ascending; start and end are left out.
pub(crate) fn boundaries(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    // The terminator that the text since then may still belong to: whether it is an ATerm, and
    // whether a letter with case stood before it.
    let mut term: Option<(bool, bool, Phase)> = None;
    let mut after_separator = None;
    let mut after_cased = false;
    let mut ahead = Ahead { from: 0, until: 0, lower: false };
    for (i, (byte, c)) in text.char_indices().enumerate() {
        let class = class(c);
        let (previous, cased) = (after_separator.take(), after_cased);
        if matches!(class, Class::Sep | Class::Cr | Class::Lf) {
            after_separator = Some(class);
        }
        match (previous, class) {
            (Some(Class::Cr), Class::Lf) => continue, // SB3
            (Some(_), _) => {
                found.push(i); // SB4
                term = None;
            }
            (None, Class::Extend) if i > 0 => continue, // SB5
            (None, _) => {
                if let Some((aterm, cased, phase)) = term {
                    let keep = match class {
                        Class::Numeric if aterm && phase == Phase::Term => true, // SB6
                        Class::Upper if aterm && cased && phase == Phase::Term => true, // SB7
                        _ if aterm && ahead.lower_from(text, byte) => true,      // SB8
                        Class::SContinue | Class::STerm | Class::ATerm => true,  // SB8a
                        Class::Close => phase != Phase::Sp,                      // SB9
                        Class::Sp | Class::Sep | Class::Cr | Class::Lf => true,  // SB9, SB10
                        _ => false,                                              // SB11
                    };
                    if !keep {
                        found.push(i);
                    }
                }
            }
        }
        term = match (class, term) {
            (Class::ATerm, _) => Some((true, cased && previous.is_none(), Phase::Term)),
            (Class::STerm, _) => Some((false, false, Phase::Term)),
            (Class::Close, Some((aterm, cased, Phase::Term | Phase::Close))) => {
                Some((aterm, cased, Phase::Close))
            }
            (Class::Sp, Some((aterm, cased, _))) => Some((aterm, cased, Phase::Sp)),
            _ => None,
        };
        after_cased = matches!(class, Class::Upper | Class::Lower);
    }
    found
}

/// SB8's look-ahead: whether the next letter, separator or terminator is a lower case letter.
struct Ahead {
    from: usize,
    until: usize,
    lower: bool,
}

impl Ahead {
    /// The answer from byte `from` on; one answer serves every position up to what decided it.
    fn lower_from(&mut self, text: &str, from: usize) -> bool {
        if !(self.from..self.until).contains(&from) {
            let mut decided = (text.len(), false);
            for (byte, c) in text[from..].char_indices() {
                match class(c) {
                    Class::Lower => decided = (from + byte, true),
                    Class::OLetter
                    | Class::Upper
                    | Class::Sep
                    | Class::Cr
                    | Class::Lf
                    | Class::STerm
                    | Class::ATerm => decided = (from + byte, false),
                    _ => continue,
                }
                break;
            }
            // `decided` itself gives the same answer, hence the inclusive end.
            *self = Self { from, until: decided.0 + 1, lower: decided.1 };
        }
        self.lower
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the crate says.
    fn reference(text: &str) -> Vec<usize> {
        let mut at = 0;
        let mut ends: Vec<usize> = text
            .split_sentence_bounds()
            .map(|sentence| {
                at += sentence.chars().count();
                at
            })
            .collect();
        ends.pop();
        ends
    }

    #[test]
    fn known_sentences_are_cut_where_the_standard_says() {
        for text in [
            "Mr. Fox ran. He fell! \"Why?\" he asked (twice). 3.4 and U.S. are kept. etc. and on",
            "a\r\nb\n\nc\u{2029}d\u{85}",
            "。これは文です。次の文！ 「終わり。」",
            "x.\u{301} y. \u{200b}Z",
            "",
            "\u{301}a",
        ] {
            assert_eq!(boundaries(text), reference(text), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn boundaries_are_those_of_the_crate(
            text in "[aAbé中あ1٣.!?。,:;()\"'»「 \t\n\r\u{85}\u{2028}\u{301}\u{200d}\u{ad}\u{3000}😀$…‥\u{1680}]{0,24}"
        ) {
            prop_assert_eq!(boundaries(&text), reference(&text));
        }

        #[test]
        fn boundaries_are_those_of_the_crate_on_any_text(text in "\\PC{0,30}(\\. \\PC{0,10}){0,3}") {
            prop_assert_eq!(boundaries(&text), reference(&text));
        }
    }

    #[test]
    fn rule_long_sections_are_cut_in_linear_time() {
        for unit in [" ", ") ", ".)", "\u{301}", ". 1 ", "1"] {
            let text = format!("A. {}", unit.repeat(1 << 20));
            let start = std::time::Instant::now();
            boundaries(&text);
            // The quadratic look-ahead would take hours.
            assert!(start.elapsed().as_secs() < 30, "{unit:?}");
        }
    }
}
