//! Readers and writers of every file that enters or leaves the engine.
//!
//! Readers are strict and bounded: an unknown key, a missing field, a duplicate
//! id or a record over its limit is an [`InputError`] that names file, place
//! and field. Writers leave either the whole file or none.

pub mod checksum;
pub mod corpus;
pub mod durable;
mod input;
pub mod json;
pub mod jsonl;
pub mod npy;
pub mod source;

pub use input::{InputError, Place};
