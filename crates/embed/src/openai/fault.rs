//! A try that failed: what happened, and whose it is to mend.

use std::time::Duration;

/// One failed try.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) fault: Fault,
    /// How long the service asks to wait.
    pub(super) wait: Option<Duration>,
}

/// What a failed try is due to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The moment: the same request may succeed later.
    Moment,
    /// The request: URL, key, model or text.
    Request,
    /// The service: its answer cannot be used.
    Service,
}

impl Failure {
    pub(super) fn service(message: impl Into<String>) -> Self {
        Self { message: message.into(), fault: Fault::Service, wait: None }
    }
}

/// What a failed connection means for the next try.
pub(super) fn transport(error: &ureq::Error) -> Failure {
    use ureq::Error as E;
    if let E::Io(io) = error
        && io.kind() == std::io::ErrorKind::InvalidData
    {
        let said = printable(&error.to_string());
        let message = format!(
            "no secure connection: {said}; check that the URL speaks https, and name the authority \
             that signed its certificate in SSL_CERT_FILE"
        );
        return Failure { message, fault: Fault::Request, wait: None };
    }
    let fault = match error {
        E::Io(_)
        | E::Timeout(_)
        | E::HostNotFound
        | E::ConnectionFailed
        | E::Protocol(_)
        | E::BodyStalled
        | E::ConnectProxyFailed(_) => Fault::Moment,
        E::BadUri(_) | E::Http(_) | E::InvalidProxyUrl => Fault::Request,
        _ => Fault::Service,
    };
    Failure { message: printable(&format!("no answer: {error}")), fault, wait: None }
}

/// What a status outside 2xx means.
pub(super) fn refusal(status: u16, body: &[u8], wait: Option<Duration>, has_key: bool) -> Failure {
    let said = printable(&String::from_utf8_lossy(&body[..body.len().min(2048)]));
    let advice = match status {
        401 | 403 if has_key => "; it refuses the key of WFGY_EMBED_KEY or OPENAI_API_KEY",
        401 | 403 => "; set the key in WFGY_EMBED_KEY or OPENAI_API_KEY",
        400 | 404 => "; check the URL and the model's name",
        300..=399 => "; name the URL that it redirects to",
        _ => "",
    };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Failure {
        message: format!("status {status}{said}{advice}"),
        fault: match status {
            408 | 425 | 429 | 500..=599 => Fault::Moment,
            300..=499 => Fault::Request,
            _ => Fault::Service,
        },
        wait,
    }
}

/// One line of at most 200 characters.
pub(super) fn printable(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_says_is_one_short_line() {
        let said = format!("a\r\n\u{7}b {}", "x".repeat(5000));
        let message = refusal(400, said.as_bytes(), None, false).message;
        assert!(message.starts_with("status 400: a b xxx") && message.len() < 280, "{message}");
    }

    #[test]
    fn a_status_says_whose_fault_it_is() {
        let fault = |status| refusal(status, b"", None, false).fault;
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(fault(status), Fault::Moment, "{status}");
        }
        for status in [302, 400, 401, 403, 404, 413, 422] {
            assert_eq!(fault(status), Fault::Request, "{status}");
        }
        assert_eq!(fault(100), Fault::Service);
        assert!(refusal(401, b"", None, false).message.contains("set the key"));
        assert!(refusal(401, b"", None, true).message.contains("refuses the key"));
    }
}
