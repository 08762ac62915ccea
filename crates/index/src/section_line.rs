//! A line of `sections.jsonl`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A line of `sections.jsonl`; the title is the one that is embedded with the section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SectionLine<'a> {
    #[serde(borrow)]
    pub(crate) doc_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) section_id: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_url: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) text: Cow<'a, str>,
}
