//! Embedders behind the core's port.
