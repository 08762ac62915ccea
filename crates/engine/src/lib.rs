//! Runs a gold set against a store and turns the runs into evidence, over ports only.

pub mod seeds;

#[cfg(test)]
mod memory;
