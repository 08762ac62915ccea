//! The three programs.
