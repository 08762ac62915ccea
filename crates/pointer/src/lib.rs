//! Verdict filing, the journal, and the flip protocol on a local pointer store.
