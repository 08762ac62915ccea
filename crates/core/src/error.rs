//! How a port fails.

/// A failure of a part behind a port.
///
/// What a caller acts on is whether trying again can help, and whose it is to mend.
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
    /// Trying again cannot help before the caller has mended what they gave: a key that is
    /// refused, a model that is not known, a file that is damaged.
    #[error("{part}: {message}")]
    Input {
        /// The part that refused, as the user named it; never a key.
        part: String,
        /// What is wrong and what to do, a lower-case fragment.
        message: String,
    },
    /// Trying again cannot help: the part does not do what it is for, such as a service whose
    /// answer is no vector.
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

    /// A failure that the caller can mend.
    pub fn input(part: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Input { part: part.into(), message: message.into() }
    }

    /// A failure that will not pass by itself.
    pub fn permanent(part: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Permanent { part: part.into(), message: message.into() }
    }

    /// Whether the same call may succeed later within a longer deadline.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Retryable { .. })
    }

    /// Whether it is the caller's to mend (exit 2) rather than the world's (exit 4).
    pub fn is_input(&self) -> bool {
        match self {
            Self::Input { .. } => true,
            Self::Retryable { .. } | Self::Permanent { .. } | Self::Deadline { .. } => false,
        }
    }
}
