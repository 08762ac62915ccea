//! The index directory from outside: what a build writes, what opening refuses, what a search
//! answers. Vectors come from a small embedder that hashes words: storage does not care.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod built;
mod damaged;
#[path = "../../../../tests/mutated.rs"]
mod mutated;
mod opened;
mod relinked;
mod resealed;
mod searched;
mod words;
