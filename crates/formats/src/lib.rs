//! Readers and writers of every file that enters or leaves the engine.
//!
//! Readers are strict and bounded: an unknown key, a missing field, a duplicate
//! id or a record over its limit is an [`InputError`] that names file, place
//! and field. Writers leave either the whole file or none.

pub mod beir;
pub mod checksum;
pub mod corpus;
pub mod durable;
pub mod gold;
mod input;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod npy;
pub mod object;
pub mod policy;
pub mod report;
pub mod runs;
pub mod source;
pub mod table;
pub mod trec;
pub mod verdict;

pub use input::{InputError, Origin, Place};
