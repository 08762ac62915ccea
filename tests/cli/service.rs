//! An embedding service in the test's own process, that dies, stalls or misbehaves on demand.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What the service does with a request.
pub(crate) enum Act {
    /// Answers with a vector for every text.
    Vectors,
    /// Answers with vectors of this many values.
    Dimension(usize),
    /// Answers with vectors that are zero.
    Zero,
    /// Answers with this body.
    Body(String),
    /// Answers with this status.
    Status(u16),
    /// Answers nothing, and keeps the connection.
    Silence,
    /// Closes the connection in the middle of the answer.
    Reset,
    /// Closes the connection and the port: nobody answers any more.
    Die,
}

/// Values of the vectors that the service gives unless it is told otherwise.
pub(crate) const DIMENSION: usize = 8;

/// Starts a service on a free port and gives its base URL. `act` says what to do with the n-th
/// request, counted from 0; request 0 of a program asks for the dimension.
pub(crate) fn start(mut act: impl FnMut(usize) -> Act + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let mut n = 0;
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let Some(texts) = request(&stream) else { continue };
            let (status, body) = match act(n) {
                Act::Vectors => (200, vectors(&texts, DIMENSION, false)),
                Act::Dimension(dimension) => (200, vectors(&texts, dimension, false)),
                Act::Zero => (200, vectors(&texts, DIMENSION, true)),
                Act::Body(body) => (200, body),
                Act::Status(status) => (status, "{}".to_owned()),
                Act::Silence => {
                    silent.push(stream);
                    n += 1;
                    continue;
                }
                Act::Reset => {
                    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{\"data\":";
                    let _ = stream.write_all(begun);
                    n += 1;
                    continue;
                }
                Act::Die => return,
            };
            n += 1;
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // A client that gave up is no trouble of the service's.
            let _ =
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    url
}

/// A base URL at which nobody answers.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    format!("http://{address}/v1")
}

/// The texts of a request.
fn request(stream: &TcpStream) -> Option<Vec<String>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: serde_json::Value = serde_json::from_slice(&body).ok()?;
    let texts = body["input"].as_array()?.iter();
    Some(texts.map(|text| text.as_str().unwrap_or_default().to_owned()).collect())
}

/// Words counted by a hash of their letters: equal texts give equal vectors, like texts near ones.
fn vectors(texts: &[String], dimension: usize, zero: bool) -> String {
    let data: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let mut embedding = vec![if zero { 0.0 } else { 0.01 }; dimension];
            if !zero {
                for word in text.split_whitespace() {
                    let digest = wfgy_core::Digest::of(word.to_lowercase());
                    embedding[digest.modulo(dimension as u64) as usize] += 1.0;
                }
            }
            serde_json::json!({"index": index, "embedding": embedding})
        })
        .collect();
    serde_json::json!({"model": "test-model", "data": data}).to_string()
}
