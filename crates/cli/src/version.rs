//! What `--version` says.

/// Name of the release.
pub(crate) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// Release, commit, kernel path in use, schema versions.
pub(crate) fn long() -> String {
    format!(
        "{SHORT}\ncommit: {}\nkernel: {}\nschemas: index {}, gold {}, verdict {}, report {}",
        env!("WFGY_COMMIT"),
        wfgy_kernel::Isa::active(),
        wfgy_index::SCHEMA_VERSION,
        wfgy_formats::gold::SCHEMA_VERSION,
        wfgy_gate::VERDICT_SCHEMA_VERSION,
        wfgy_formats::report::SCHEMA_VERSION
    )
}
