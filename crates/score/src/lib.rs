//! Semantic distance, coverage, convergence and ranking measures, as pure functions.
