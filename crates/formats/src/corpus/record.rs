//! One document as JSON.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use wfgy_core::{Document, Section};

use crate::json::{Start, decode_scanned};
use crate::object::Object;
use crate::{InputError, Place};

/// `{doc_id, source_url?, title?, sections}`, `{doc_id, text}` and BEIR's `{_id, title, text}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    doc_id: Option<String>,
    #[serde(rename = "_id")]
    beir_id: Option<String>,
    source_url: Option<String>,
    title: Option<String>,
    sections: Option<Vec<Object<SectionRecord>>>,
    text: Option<String>,
    #[serde(default)]
    metadata: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionRecord {
    section_id: String,
    title: Option<String>,
    text: String,
}

/// Decodes a record that has been framed within the limits.
pub(super) fn document(bytes: &[u8], file: &Path, start: Start) -> Result<Document, InputError> {
    let record: Record = decode_scanned(bytes, file, start)?;
    let wrong = |field: &str, problem: &str| {
        Err(InputError::at(file, Place::Line(start.line), problem).field(field))
    };
    let doc_id = match (record.doc_id, record.beir_id) {
        (Some(id), None) if record.metadata.is_none() => id,
        (Some(_), None) => {
            return wrong("metadata", "unknown key: only BEIR's records with `_id` may have it");
        }
        (None, Some(id)) if record.source_url.is_none() && record.sections.is_none() => id,
        (None, Some(_)) => {
            return wrong("_id", "a BEIR record has `_id`, `title`, `text` and `metadata` only");
        }
        (Some(_), Some(_)) => return wrong("_id", "give `doc_id` or `_id`, not both"),
        (None, None) => return wrong("doc_id", "is missing"),
    };
    if doc_id.is_empty() {
        return wrong("doc_id", "is empty");
    }
    let sections = match (record.sections, record.text) {
        (Some(_), Some(_)) => return wrong("text", "give `sections` or `text`, not both"),
        (None, None) => return wrong("text", "is missing: give `sections` or `text`"),
        (None, Some(text)) => vec![Section { section_id: doc_id.clone(), title: None, text }],
        (Some(sections), None) if sections.is_empty() => return wrong("sections", "is empty"),
        (Some(sections), None) => {
            let sections: Vec<SectionRecord> = sections.into_iter().map(|Object(s)| s).collect();
            let mut seen = HashSet::new();
            for (i, section) in sections.iter().enumerate() {
                let field = format!("sections[{i}].section_id");
                if section.section_id.is_empty() {
                    return wrong(&field, "is empty");
                }
                if !seen.insert(section.section_id.as_str()) {
                    let id = &section.section_id;
                    let problem = format!("`{id}` is the id of an earlier section of `{doc_id}`");
                    return wrong(&field, &problem);
                }
            }
            let section = |s: SectionRecord| Section {
                section_id: s.section_id,
                title: present(s.title),
                text: s.text,
            };
            sections.into_iter().map(section).collect()
        }
    };
    Ok(Document {
        doc_id,
        source_url: present(record.source_url),
        title: present(record.title),
        sections,
    })
}

/// An empty title or address is none.
fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
