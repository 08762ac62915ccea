//! Builds, opens, verifies and searches a local index directory.
