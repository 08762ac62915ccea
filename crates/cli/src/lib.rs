//! The three programs: flags and glue.
//!
//! Each program parses what was typed, opens the parts that it needs, and hands them to the
//! engine or the flip protocol. The exit-code policy is in `exit`, the clock in `clock`.

mod clock;
mod embedder;
mod environment;
mod exit;
mod kernel_path;
mod options;
mod paperwork;
mod place;
mod plain;
mod recovery;
mod say;
mod target;
mod terminal;
mod version;

pub mod index_build;
pub mod vec;
pub mod wfgy_eval;
