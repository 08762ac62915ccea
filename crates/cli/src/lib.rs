//! The three programs: flags and glue.

pub mod index_build;
pub mod vec;
pub mod wfgy_eval;
