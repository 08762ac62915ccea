//! Text of somebody else's between words of the programs: ids, paths, questions, reasons.

use std::fmt::Display;

/// `text` on one line that does nothing to a terminal: what would break the line is a blank, every
/// other control character and whatever turns the direction of the text behind it is U+FFFD. As
/// many characters as before.
pub(crate) fn plain(text: impl Display) -> String {
    let shown = |c: char| match c {
        '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.to_string().chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_and_no_override_is_left_and_no_character_is_lost() {
        let others = ('\0'..='\u{a0}').chain('\u{2020}'..='\u{2070}');
        let text: String = others.collect();
        let shown = plain(&text);
        assert_eq!(shown.chars().count(), text.chars().count());
        for (was, is) in text.chars().zip(shown.chars()) {
            assert!(!is.is_control(), "{was:?} is {is:?}");
            let turns = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').any(|c| c == was);
            let breaks = ['\u{2028}', '\u{2029}'].contains(&was);
            assert_eq!(was == is, !(was.is_control() || turns || breaks), "{was:?} is {is:?}");
        }
        assert_eq!(plain("ok\nPASS \u{1b}[2Jé→"), "ok PASS \u{fffd}[2Jé→");
    }
}
