//! The map of characters of a `Precompiled` normalizer: where its trie leads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Units of a double array that stand together: all that one byte leads to.
const BLOCK: usize = 256;

/// Why `tokenizers` would leave the memory of a map of characters at some text; `None` where at no
/// text it does.
///
/// The map is base64 of the length of a double-array trie in bytes, the trie in little-endian
/// units of 32 bits, and texts that its leaves point into. A unit has a label in its low byte, a
/// leaf where bit 8 is set, and the distance to its children above (Darts-clone). The library
/// follows distances and leaves without a look at where they end.
pub(crate) fn leads_out(charsmap: &str) -> Option<&'static str> {
    let Ok(bytes) = STANDARD.decode(charsmap) else { return Some("is not base64") };
    let Some((length, rest)) = bytes.split_first_chunk() else { return Some("has no length") };
    let length = u32::from_le_bytes(*length) as usize / 4 * 4;
    let Some((trie, texts)) = rest.split_at_checked(length) else { return Some("is cut short") };
    let Ok(texts) = std::str::from_utf8(texts) else { return Some("has texts that are not UTF-8") };
    let (units, _) = trie.as_chunks();
    let units: Vec<u32> = units.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
    let distance = |unit: u32| (unit as usize >> 10) << ((unit & 1 << 9) >> 6);
    let mut reached = vec![false; units.len()];
    let Some(root) = units.first() else { return Some("has an empty trie") };
    let mut open = vec![distance(*root)];
    while let Some(base) = open.pop() {
        if base | (BLOCK - 1) >= units.len() {
            return Some("has a trie that leads out of itself");
        }
        if std::mem::replace(&mut reached[base], true) {
            continue;
        }
        // A byte of 0 ends a text.
        for byte in 1..BLOCK {
            let unit = units[base ^ byte];
            if unit & (1 << 31 | 0xff) != byte as u32 {
                continue;
            }
            let next = base ^ byte ^ distance(unit);
            if unit & 1 << 8 != 0 {
                let text = units.get(next).map(|leaf| (leaf & !(1 << 31)) as usize);
                if !text.is_some_and(|at| texts.is_char_boundary(at)) {
                    return Some("has a leaf that points to no text");
                }
            }
            open.push(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of one byte, `a`, to the text at `text`, its trie changed.
    fn map(units: usize, text: u32, change: impl Fn(&mut Vec<u32>)) -> String {
        let mut trie = vec![0_u32; units];
        if units > 353 {
            // From the root to block 256, there to 256 ^ 97 = 353, from there to its leaf at 1.
            trie[0] = 256 << 10;
            trie[353] = 352 << 10 | 1 << 8 | u32::from(b'a');
            trie[1] = 1 << 31 | text;
        }
        change(&mut trie);
        let mut bytes = (4 * trie.len() as u32).to_le_bytes().to_vec();
        bytes.extend(trie.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend("é\0".bytes());
        STANDARD.encode(bytes)
    }

    #[test]
    fn a_map_that_stays_inside_itself_is_taken_and_others_say_why_not() {
        assert_eq!(leads_out(&map(512, 0, |_| ())), None);
        // `é` has two bytes: 1 is inside of it, 9 beyond all texts.
        for text in [1, 9] {
            let problem = leads_out(&map(512, text, |_| ()));
            assert_eq!(problem, Some("has a leaf that points to no text"));
        }
        for change in [
            |trie: &mut Vec<u32>| trie[0] = 4096 << 10,
            |trie: &mut Vec<u32>| trie[353] = 4096 << 10 | u32::from(b'a'),
            |trie: &mut Vec<u32>| trie.truncate(500),
        ] {
            let problem = leads_out(&map(512, 0, change));
            assert_eq!(problem, Some("has a trie that leads out of itself"));
        }
        assert_eq!(leads_out(&map(0, 0, |_| ())), Some("has an empty trie"));
        assert_eq!(leads_out("AAAA"), Some("has no length"));
        assert_eq!(leads_out("//////8="), Some("is cut short"));
        assert_eq!(leads_out("none!"), Some("is not base64"));
    }

    #[test]
    fn a_trie_that_leads_in_a_circle_is_walked_once() {
        let circle = |trie: &mut Vec<u32>| trie[353] = 97 << 10 | u32::from(b'a');
        assert_eq!(leads_out(&map(512, 0, circle)), None);
    }
}
