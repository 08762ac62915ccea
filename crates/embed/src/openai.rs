//! Embedder `openai`: any service that speaks OpenAI's `/v1/embeddings`.

mod fault;
mod options;

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use wfgy_core::{
    Deadline, EmbedSchema, Embedder, EmbedderIdentity, Embeddings, PortError, RowState, Tokenizer,
};

use crate::retry::retry_after;
use crate::static_table::built_in_tokenizer;
use crate::{OpenError, WordPieceTokenizer};

use fault::{Failure, Fault, printable, refusal, transport};
use options::endpoint;
pub use options::{ApiKey, OpenAiOptions};

/// Bytes of text that go into one request at most, unless one text alone has more.
const REQUEST_BYTES: usize = 256 * 1024;

/// Bytes of an answer that are read at most: 2,048 vectors of 4,096 numbers of 25 digits.
const ANSWER_BYTES: u64 = 256 * 1024 * 1024;

/// How often the deadline is looked at while a service is silent.
const LOOK: Duration = Duration::from_millis(50);

/// Asks a service for vectors, in order, batch by batch.
///
/// Timeouts, broken connections, 408, 425, 429 and 5xx are asked again as the
/// policy says, and are [`PortError::Retryable`] when tries run out; every
/// other 4xx and a redirection refuse what was asked, so that they are
/// [`PortError::Input`]; another dimension, a missing or repeated index and a
/// number that is not finite are [`PortError::Permanent`]. Token counts come
/// from the built-in WordPiece, since the service does not tell its own.
pub struct OpenAiEmbedder {
    agent: ureq::Agent,
    url: String,
    options: OpenAiOptions,
    tokenizer: WordPieceTokenizer,
    identity: EmbedderIdentity,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: Option<String>,
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f64>,
}

/// Rows of vectors, and the model that the service says made them.
type Served = (Vec<f32>, Option<String>);

impl OpenAiEmbedder {
    /// Asks the service for one vector, to learn its dimension and model.
    ///
    /// # Errors
    /// [`OpenError`] where a setting is wrong or the service does not answer or refuses.
    pub fn open(options: OpenAiOptions, deadline: Deadline) -> Result<Self, OpenError> {
        let url = endpoint(&options.base_url)?;
        if options.model.is_empty() || options.model.contains(['=', '\n', '\r']) {
            let problem = "is empty or holds `=` or a line break; name it as the service does";
            return Err(OpenError::setting("embedding model", problem));
        }
        if options.batch == 0 || options.retry.tries == 0 {
            return Err(OpenError::setting("batch and tries", "must be at least 1"));
        }
        if let Some(ApiKey(key)) = &options.key
            && (key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()))
        {
            let problem = "is empty or holds characters that no header can carry";
            return Err(OpenError::setting("embedding key", problem));
        }
        let mut tls = TlsConfig::builder();
        if let Some(path) = &options.authorities {
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates(path)?));
        }
        // Not redirected: a key must not travel to a host that nobody named.
        let agent = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("wfgy/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let identity = EmbedderIdentity {
            model_ver: format!("openai:{}", options.model),
            dim: 0,
            schema: EmbedSchema {
                pooling: "unknown".to_owned(),
                max_tokens: 0,
                query_prefix: options.query_prefix.clone(),
                passage_prefix: options.passage_prefix.clone(),
            },
            unit_norm: false,
            settings: String::new(),
        };
        let tokenizer = built_in_tokenizer()?;
        let mut embedder = Self { agent, url, options, tokenizer, identity };
        let (rows, served) = embedder.ask(&["dimension"], deadline)?;
        embedder.identity.dim = rows.len();
        // An alias that the provider moves to another model is another EMBED_MODEL_VER.
        if let Some(served) = served.filter(|s| *s != embedder.options.model) {
            embedder.identity.model_ver =
                format!("openai:{}={}", embedder.options.model, printable(&served));
        }
        Ok(embedder)
    }

    /// One request until it is answered, refused, or out of tries or time.
    fn ask(&self, texts: &[&str], deadline: Deadline) -> Result<Served, PortError> {
        let mut failed = 0;
        let mut last = None;
        let late = |last: Option<String>| match last {
            None => self.late(),
            Some(last) => PortError::Deadline { part: format!("{} ({last})", self.url) },
        };
        loop {
            let left = deadline.remaining(Instant::now());
            if left.is_some_and(|left| left.is_zero()) {
                return Err(late(last));
            }
            let timeout = left.map_or(self.options.timeout, |left| left.min(self.options.timeout));
            let failure = match self.attempt(texts, timeout, deadline)? {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            failed += 1;
            let message = self.redact(&failure.message);
            match failure.fault {
                Fault::Request => return Err(PortError::input(&self.url, message)),
                Fault::Service => return Err(PortError::permanent(&self.url, message)),
                Fault::Moment => {}
            }
            let tries = if failed == 1 { "1 try".to_owned() } else { format!("{failed} tries") };
            if failed >= self.options.retry.tries {
                return Err(PortError::retryable(&self.url, format!("{message}, after {tries}")));
            }
            if let (1, Some(notice)) = (failed, self.options.notice) {
                let most = self.options.retry.tries;
                notice(&format!("{}: {message}; asking again, {most} times at most", self.url));
            }
            last = Some(format!("{message}, after {tries}"));
            let pause = self.options.retry.next_pause(failed, failure.wait);
            match deadline.remaining(Instant::now()) {
                Some(left) if left <= pause => return Err(late(last)),
                _ => self.rest(pause, deadline).map_err(|_| late(last.take()))?,
            }
        }
    }

    fn late(&self) -> PortError {
        PortError::Deadline { part: self.url.clone() }
    }

    /// Rests, but for no longer than the deadline lets it.
    fn rest(&self, pause: Duration, deadline: Deadline) -> Result<(), PortError> {
        let end = Instant::now() + pause;
        loop {
            let now = Instant::now();
            if deadline.passed(now) {
                return Err(self.late());
            }
            match end.saturating_duration_since(now) {
                Duration::ZERO => return Ok(()),
                left => std::thread::sleep(left.min(LOOK)),
            }
        }
    }

    /// Sends one request. It is sent by a thread of its own, which is left behind where the
    /// deadline comes first: an interrupt does not wait for a service that is silent.
    fn attempt(
        &self,
        texts: &[&str],
        timeout: Duration,
        deadline: Deadline,
    ) -> Result<Result<Served, Failure>, PortError> {
        let request =
            Request { model: &self.options.model, input: texts, encoding_format: "float" };
        let body = serde_json::to_vec(&request)
            .map_err(|error| PortError::permanent(&self.url, error.to_string()))?;
        let mut post = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .config()
            .timeout_global(Some(timeout))
            .build();
        if let Some(ApiKey(key)) = &self.options.key {
            post = post.header("authorization", format!("Bearer {key}"));
        }
        let (heard, reply) = mpsc::channel();
        // That nobody listens any more is no trouble of this thread's.
        std::thread::spawn(move || heard.send(reply_to(post, &body)).unwrap_or_default());
        loop {
            match reply.recv_timeout(LOOK) {
                Ok(Ok(reply)) => return Ok(self.answer(&reply, texts.len())),
                Ok(Err(error)) => return Ok(Err(transport(&error))),
                Err(RecvTimeoutError::Timeout) if deadline.passed(Instant::now()) => {
                    return Err(self.late());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PortError::permanent(&self.url, "the request came to no end"));
                }
            }
        }
    }

    fn answer(&self, reply: &Reply, texts: usize) -> Result<Served, Failure> {
        let Reply { status, wait, bytes } = reply;
        if !(200..300).contains(status) {
            return Err(refusal(*status, bytes, *wait, self.options.key.is_some()));
        }
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
            Failure::service(format!(
                "the answer is no embedding list ({error}); is this an OpenAI-compatible service?"
            ))
        })?;
        let rows = self.rows(answer.data, texts)?;
        Ok((rows, answer.model))
    }

    /// Puts the answer's items in order and checks every one.
    fn rows(&self, items: Vec<Item>, texts: usize) -> Result<Vec<f32>, Failure> {
        if items.len() != texts {
            let message = format!("asked for {texts} vectors, the answer has {}", items.len());
            return Err(Failure::service(message));
        }
        let dim = match self.identity.dim {
            0 => items.first().map_or(0, |item| item.embedding.len()),
            dim => dim,
        };
        if dim == 0 {
            return Err(Failure::service("the answer has a vector of dimension 0"));
        }
        let mut rows = vec![0.0; texts * dim];
        let mut seen = vec![false; texts];
        for item in items {
            match seen.get_mut(item.index) {
                Some(seen) if !*seen => *seen = true,
                _ => {
                    let message =
                        format!("the answer has index {} twice or out of range", item.index);
                    return Err(Failure::service(message));
                }
            }
            if item.embedding.len() != dim {
                return Err(Failure::service(format!(
                    "the answer has dimension {}, expected {dim}; is this the model of the index?",
                    item.embedding.len()
                )));
            }
            let row = &mut rows[item.index * dim..(item.index + 1) * dim];
            for (to, from) in row.iter_mut().zip(&item.embedding) {
                *to = *from as f32;
                if !to.is_finite() {
                    let message =
                        format!("vector {} holds a number that is not finite", item.index);
                    return Err(Failure::service(message));
                }
            }
        }
        Ok(rows)
    }

    fn redact(&self, message: &str) -> String {
        match &self.options.key {
            Some(ApiKey(key)) => message.replace(key.as_str(), "(hidden)"),
            None => message.to_owned(),
        }
    }
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, OpenError> {
    let wrong = |problem: &dyn fmt::Display| {
        OpenError::setting("SSL_CERT_FILE", format!("{}: {problem}", path.display()))
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    let mut found = Vec::new();
    for item in parse_pem(&bytes) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(&error))? {
            found.push(certificate);
        }
    }
    match found.is_empty() {
        true => Err(wrong(&"holds no certificate; name a PEM file")),
        false => Ok(found),
    }
}

/// What came back, whole.
struct Reply {
    status: u16,
    wait: Option<Duration>,
    bytes: Vec<u8>,
}

fn reply_to(
    post: ureq::RequestBuilder<ureq::typestate::WithBody>,
    body: &[u8],
) -> Result<Reply, ureq::Error> {
    let mut response = post.send(body)?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
    let wait = retry_after(header("retry-after"));
    let bytes = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec()?;
    Ok(Reply { status, wait, bytes })
}

impl Embedder for OpenAiEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn tokenizer(&self) -> &dyn Tokenizer {
        &self.tokenizer
    }

    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, PortError> {
        let mut values = Vec::with_capacity(texts.len() * self.identity.dim);
        let mut rest = texts;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(self.options.batch).take_while(|text| {
                bytes += text.len();
                bytes <= REQUEST_BYTES
            });
            let n = fits.count().max(1);
            let (now, later) = rest.split_at(n);
            values.extend(self.ask(now, deadline)?.0);
            rest = later;
        }
        Ok(Embeddings { values, states: vec![RowState::Whole; texts.len()] })
    }
}
