//! How a port fails.

/// A failure of a part behind a port.
///
/// The one distinction a caller acts on is whether trying again can help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Trying again may help: a timeout, a reset connection, "busy".
    #[error("{part}: {message}")]
    Retryable {
        /// The part that failed, as the user named it; never a key.
        part: String,
        /// What happened and what to do, a lower-case fragment.
        message: String,
    },
    /// Trying again cannot help: a refused key, a wrong dimension, damage.
    #[error("{part}: {message}")]
    Permanent {
        /// The part that failed, as the user named it; never a key.
        part: String,
        /// What happened and what to do, a lower-case fragment.
        message: String,
    },
    /// The caller's deadline passed before the part answered.
    #[error("{part}: no answer before the deadline")]
    Deadline {
        /// The part that did not answer.
        part: String,
    },
}

impl PortError {
    /// A failure that may pass by itself.
    pub fn retryable(part: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Retryable { part: part.into(), message: message.into() }
    }

    /// A failure that will not pass by itself.
    pub fn permanent(part: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Permanent { part: part.into(), message: message.into() }
    }

    /// Whether the same call may succeed later within a longer deadline.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Retryable { .. })
    }
}
