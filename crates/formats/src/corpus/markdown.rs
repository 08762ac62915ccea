//! Where a Markdown text has its headings (CommonMark).

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A heading of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    /// 1 to 6; underlined with `=` it is 1, with `-` 2.
    pub(super) level: usize,
    /// Its text without markup; may be empty.
    pub(super) title: String,
    /// Bytes of the text that it takes, underline included.
    pub(super) bytes: Range<usize>,
}

/// The headings of `text` in order: those of the document itself, not what stands inside a quote,
/// a list or a table, in code, in HTML, or in front matter.
pub(super) fn headings(text: &str) -> Vec<Heading> {
    let body = front_matter(text);
    let parser = Parser::new_ext(&text[body..], Options::ENABLE_TABLES).into_offset_iter();
    let mut found: Vec<Heading> = Vec::new();
    // Containers around the current event, and whether it stands in a heading that counts.
    let (mut depth, mut inside) = (0usize, false);
    for (event, bytes) in parser {
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                inside = true;
                let bytes = body + bytes.start..body + bytes.end;
                found.push(Heading { level: level as usize, title: String::new(), bytes });
            }
            Event::End(TagEnd::Heading(_)) if depth == 0 => inside = false,
            Event::Start(_) if !inside => depth += 1,
            Event::End(_) if !inside => depth -= 1,
            _ => {}
        }
        if let (true, Some(heading)) = (inside, found.last_mut()) {
            match event {
                Event::Text(text) | Event::Code(text) => heading.title.push_str(&text),
                Event::SoftBreak | Event::HardBreak => heading.title.push(' '),
                _ => {}
            }
        }
    }
    for heading in &mut found {
        heading.title = heading.title.trim().to_owned();
    }
    found
}

/// Where the body begins behind YAML front matter: lines between a first line `---` and the next
/// line `---` or `...`. CommonMark has none and would take its last line for a heading.
fn front_matter(text: &str) -> usize {
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else { return 0 };
    let mut at = first.len();
    for line in lines {
        at += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return at;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String, &str)> {
        let headings = headings(text).into_iter();
        headings.map(|h| (h.level, h.title, text[h.bytes].trim_end())).collect()
    }

    fn titles(text: &str) -> Vec<String> {
        headings(text).into_iter().map(|heading| heading.title).collect()
    }

    #[test]
    fn headings_are_written_with_marks_before_or_a_line_below() {
        assert_eq!(
            found("# One\n\nTwo *words*\n===\nx\n  Three\n  and `four`\r\n---\r\n### Five ###\n"),
            [
                (1, "One".to_owned(), "# One"),
                (1, "Two words".to_owned(), "Two *words*\n==="),
                (2, "x Three and four".to_owned(), "x\n  Three\n  and `four`\r\n---"),
                (3, "Five".to_owned(), "### Five ###"),
            ]
        );
        assert_eq!(titles("#\n#none\n####### none\n\\# none\n"), [""]);
    }

    #[test]
    fn lines_that_only_look_like_headings_are_none() {
        for text in [
            "text\n\n---\n\ntext\n\n***\n",
            "| a | b |\n| --- | --- |\n| # c | d |\n",
            "```\n# a\nb\n===\n```\n~~~\n# c\n~~~~\n",
            "    # a\n\n    b\n    ===\n",
            "- # a\n- b\n---\n",
            "1. a\n   ===\n",
            "> # a\n> b\n> ===\n",
            "<div>\n# a\n</div>\n",
            "<!--\n# a\n\nb\n===\n-->\n",
            "=====\ntext\n",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
        // An unclosed fence lasts to the end.
        assert_eq!(titles("# a\n```\n# b\n"), ["a"]);
    }

    #[test]
    fn front_matter_has_no_heading_and_one_that_is_not_closed_is_text() {
        assert_eq!(titles("---\ntitle: x\n---\nA\n-\n"), ["A"]);
        assert_eq!(titles("---\r\ntitle: x\r\n...\r\n# A\r\n"), ["A"]);
        assert_eq!(titles("---\n# A\n"), ["A"]);
        // In the middle of a text the same lines are a thematic break and a heading.
        assert_eq!(titles("a\n\n---\ntitle: x\n---\n"), ["title: x"]);
    }

    #[test]
    fn any_text_gives_ordered_ranges_on_character_boundaries() {
        let parts = [
            "# ", "é", "\n", "===", "---", "\r\n", "> ", "- ", "```", "`", "|", "    ", "\t",
            "<!--", "[", "]: ", "😀", "\u{0}", "\u{feff}", "*", "\\",
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..4000 {
            let mut text = String::new();
            for _ in 0..24 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(parts[state as usize % parts.len()]);
            }
            let mut end = 0;
            for heading in headings(&text) {
                assert!(end <= heading.bytes.start && heading.bytes.start < heading.bytes.end);
                assert!(text.get(heading.bytes.clone()).is_some(), "{text:?}");
                end = heading.bytes.end;
            }
        }
    }
}
