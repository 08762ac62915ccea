//! One question of a JSON gold set: what a single field must be is said by its type.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, SeqAccess, Visitor};
use wfgy_core::{Question, Span, Target, TargetRef};

use crate::object::Object;

/// One question as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    id: Id,
    question: Text,
    #[serde(default)]
    paraphrases: Vec<Text>,
    #[serde(default)]
    pub(super) targets: Vec<TargetItem>,
    /// Short for a target that is this document.
    #[serde(default)]
    pub(super) expected_doc: Option<Id>,
    #[serde(default)]
    anchor: Anchors,
    #[serde(default)]
    stratum: Option<Text>,
    #[serde(default = "yes")]
    answerable: bool,
}

fn yes() -> bool {
    true
}

impl From<Item> for Question {
    fn from(item: Item) -> Self {
        let expected = item.expected_doc.map(|doc_id| Target {
            any_of: vec![TargetRef {
                doc_id: doc_id.0,
                section_id: None,
                offsets: None,
                quote: None,
                grade: 1,
            }],
        });
        Self {
            id: item.id.0,
            question: item.question.0,
            paraphrases: item.paraphrases.into_iter().map(|text| text.0).collect(),
            targets: item.targets.into_iter().map(|target| target.0).chain(expected).collect(),
            anchors: item.anchor.0,
            stratum: item.stratum.map(|text| text.0),
            answerable: item.answerable,
        }
    }
}

/// A text that says something.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.trim().is_empty() {
            Err("an empty text: fill it in, or remove it")
        } else {
            Ok(Self(text))
        }
    }
}

/// An opaque id.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Id(pub(super) String);

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, &'static str> {
        if id.is_empty() { Err("an empty text where an id was expected") } else { Ok(Self(id)) }
    }
}

/// A text or a list of texts.
#[derive(Default)]
struct Anchors(Vec<String>);

impl<'de> Deserialize<'de> for Anchors {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Anchors;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Anchors, E> {
                Ok(Anchors::default())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Anchors, E> {
                let text = Text::try_from(text.to_owned()).map_err(E::custom)?;
                Ok(Anchors(vec![text.0]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Anchors, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = seq.next_element::<Text>()? {
                    texts.push(text.0);
                }
                Ok(Anchors(texts))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A target: one alternative, or several in `any_of`.
#[derive(Deserialize)]
#[serde(try_from = "Object<TargetFields>")]
pub(super) struct TargetItem(Target);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetFields {
    #[serde(default, alias = "expected_doc")]
    doc_id: Option<Id>,
    #[serde(default)]
    section_id: Option<Id>,
    #[serde(default)]
    offsets: Option<Offsets>,
    #[serde(default)]
    quote: Option<Text>,
    #[serde(default)]
    grade: Option<Grade>,
    #[serde(default)]
    any_of: Option<Vec<Object<Alternative>>>,
}

impl TryFrom<Object<TargetFields>> for TargetItem {
    type Error = &'static str;

    fn try_from(fields: Object<TargetFields>) -> Result<Self, &'static str> {
        let TargetFields { doc_id, section_id, offsets, quote, grade, any_of } = fields.0;
        let any_of = match (doc_id, any_of) {
            (Some(doc_id), None) => {
                vec![TargetRef::from(Alternative { doc_id, section_id, offsets, quote, grade })]
            }
            (None, Some(_))
                if section_id.is_some()
                    || offsets.is_some()
                    || quote.is_some()
                    || grade.is_some() =>
            {
                return Err("`any_of` stands alone: put the other keys into its alternatives");
            }
            (None, Some(any_of)) if any_of.is_empty() => return Err("`any_of` is empty"),
            (None, Some(any_of)) => {
                any_of.into_iter().map(|alternative| TargetRef::from(alternative.0)).collect()
            }
            (Some(_), Some(_)) => {
                return Err("`doc_id` beside `any_of`: a target has one of the two");
            }
            (None, None) => return Err("a target needs `doc_id` or `any_of`"),
        };
        Ok(Self(Target { any_of }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alternative {
    #[serde(alias = "expected_doc")]
    doc_id: Id,
    #[serde(default)]
    section_id: Option<Id>,
    #[serde(default)]
    offsets: Option<Offsets>,
    #[serde(default)]
    quote: Option<Text>,
    #[serde(default)]
    grade: Option<Grade>,
}

impl From<Alternative> for TargetRef {
    fn from(alternative: Alternative) -> Self {
        Self {
            doc_id: alternative.doc_id.0,
            section_id: alternative.section_id.map(|id| id.0),
            offsets: alternative.offsets.map(|offsets| offsets.0),
            quote: alternative.quote.map(|quote| quote.0),
            grade: alternative.grade.map_or(1, |grade| grade.0),
        }
    }
}

/// `[start, end)`, not empty.
#[derive(Deserialize)]
#[serde(try_from = "[u32; 2]")]
struct Offsets(Span);

impl TryFrom<[u32; 2]> for Offsets {
    type Error = String;

    fn try_from([start, end]: [u32; 2]) -> Result<Self, String> {
        if start < end {
            return Ok(Self(Span::new(start as usize, end as usize)));
        }
        Err(format!("[{start}, {end}] holds nothing: the end stands behind the start"))
    }
}

/// Relevance, at least 1.
#[derive(Deserialize)]
#[serde(try_from = "u32")]
struct Grade(u32);

impl TryFrom<u32> for Grade {
    type Error = &'static str;

    fn try_from(grade: u32) -> Result<Self, &'static str> {
        if grade >= 1 {
            return Ok(Self(grade));
        }
        Err("0 is not relevant: a target has a grade of at least 1")
    }
}
