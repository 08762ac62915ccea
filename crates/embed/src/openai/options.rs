//! Which service, and how to treat it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::OpenError;
use crate::retry::RetryPolicy;

/// A key that cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub(super) String);

impl ApiKey {
    /// Takes a key as the environment has it.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into().trim().to_owned())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Which service, and how to treat it.
#[derive(Debug, Clone)]
pub struct OpenAiOptions {
    /// `http://` or `https://`, with or without `/v1` or `/v1/embeddings`.
    pub base_url: String,
    /// The model to ask for.
    pub model: String,
    /// Sent as a bearer token; never stored or logged.
    pub key: Option<ApiKey>,
    /// PEM file of the certificates to trust for https; `None` takes Mozilla's, which are built in.
    pub authorities: Option<PathBuf>,
    /// Put before every wording.
    pub query_prefix: String,
    /// Put before every snippet and anchor.
    pub passage_prefix: String,
    /// Texts in one request, at least 1.
    pub batch: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// When to ask again.
    pub retry: RetryPolicy,
    /// Told once a request why it is sent again, so that a person does not wait before a silent
    /// program.
    pub notice: Option<fn(&str)>,
}

impl OpenAiOptions {
    /// The defaults: no key, no prefixes, 64 texts a request, 60 s each, [`RetryPolicy::default`].
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model: model.into(),
            key: None,
            authorities: None,
            query_prefix: String::new(),
            passage_prefix: String::new(),
            batch: 64,
            timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            notice: None,
        }
    }
}

/// The full URL of the embeddings call.
pub(super) fn endpoint(base: &str) -> Result<String, OpenError> {
    let error = |problem: &str| OpenError::setting("embedder URL", problem);
    let rest = base
        .strip_prefix("http://")
        .or_else(|| base.strip_prefix("https://"))
        .ok_or_else(|| error("must begin with http:// or https://"))?;
    if rest.contains('@') {
        return Err(error("must not hold credentials; set the key in the environment"));
    }
    if rest.contains(['?', '#']) || rest.bytes().any(|b| b <= b' ' || b == 0x7f) {
        return Err(error("must not hold a query, a fragment or white space"));
    }
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() || rest.starts_with(['/', ':']) {
        return Err(error("names no host"));
    }
    let base = base.trim_end_matches('/');
    Ok(if base.ends_with("/embeddings") {
        base.to_owned()
    } else if rest.contains('/') {
        format!("{base}/embeddings")
    } else {
        format!("{base}/v1/embeddings")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_takes_the_usual_spellings_and_refuses_credentials() {
        for base in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/embeddings/"] {
            assert_eq!(endpoint(base).unwrap(), "http://h:1/v1/embeddings");
        }
        assert_eq!(endpoint("https://h/api/v3").unwrap(), "https://h/api/v3/embeddings");
        for base in ["h:1", "ftp://h", "http://", "http://u:p@h", "http://h/v1?key=x", "http://a b"]
        {
            assert!(endpoint(base).is_err(), "{base}");
        }
        let e = endpoint("http://u:secret@h").unwrap_err().to_string();
        assert!(!e.contains("secret"), "{e}");
    }

    #[test]
    fn a_key_is_never_printed() {
        let mut options = OpenAiOptions::new("http://h", "m");
        options.key = Some(ApiKey::new(" sk-123 \n"));
        assert!(!format!("{options:?}").contains("sk-123"));
    }
}
