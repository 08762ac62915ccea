//! An embedding service behind https: whose certificate is trusted, and what is said where it is
//! not.

mod support;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use support::{INDEX_BUILD, Ran, World};

/// An OpenAI-compatible service that speaks TLS with the certificate in `service.pem`.
const SERVICE: &str = r#"
import http.server, json, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
        data = [{"index": i, "embedding": [1.0 + len(t), 1.0, 2.0]} for i, t in enumerate(texts)]
        body = json.dumps({"model": "m", "data": data}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("service.pem", "service.key")
class Server(http.server.HTTPServer):
    def get_request(self):
        stream, address = super().get_request()
        return context.wrap_socket(stream, server_side=True), address
    def handle_error(self, request, address):
        pass
server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
while True:
    server.handle_request()
"#;

struct Service {
    process: Child,
    url: String,
}

impl Service {
    fn start(world: &World) -> Self {
        let python = std::env::var("WFGY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut command = Command::new(python);
        command.args(["-c", SERVICE]).current_dir(world.root()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("Python runs");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a port");
        Self { process, url: format!("https://127.0.0.1:{}/v1", line.trim()) }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn openssl(world: &World, args: &[&str]) {
    let ran = Ran::of(world.command("openssl").args(args));
    assert_eq!(ran.code, 0, "{}", ran.told());
}

/// An authority of this name, as `name.pem` and `name.key`.
fn authority(world: &World, name: &str) -> PathBuf {
    let (pem, key, subject) = (format!("{name}.pem"), format!("{name}.key"), format!("/CN={name}"));
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &subject];
    let ca = ["-addext", "basicConstraints=critical,CA:TRUE", "-out", &pem, "-keyout", &key];
    openssl(world, &[&new[..], &ca].concat());
    world.path(pem)
}

/// A world with a corpus, and a service whose certificate `ours.pem` signed.
fn world() -> World {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    authority(&world, "ours");
    authority(&world, "theirs");
    let request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=service", "-out"];
    openssl(&world, &[&request[..], &["service.csr", "-keyout", "service.key"]].concat());
    world.write("names", "subjectAltName=IP:127.0.0.1\n");
    let sign = ["x509", "-req", "-in", "service.csr", "-CA", "ours.pem", "-CAkey", "ours.key"];
    let out = ["-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "service.pem"];
    openssl(&world, &[&sign[..], &out].concat());
    world
}

fn build(world: &World, url: &str, authorities: Option<&str>) -> Ran {
    let mut command = world.command(INDEX_BUILD);
    command.args(["--input", "corpus.json", "--out", "docs", "--embedder", "openai"]);
    command.args(["--model", "m", "--embedder-url", url]);
    if let Some(file) = authorities {
        command.env("SSL_CERT_FILE", file);
    }
    Ran::of(&mut command)
}

#[test]
fn a_service_whose_authority_is_named_is_trusted() {
    let world = world();
    let service = Service::start(&world);
    build(&world, &service.url, Some("ours.pem")).success();
    world.run(INDEX_BUILD, &["verify", "docs"]).success();
}

#[test]
fn a_service_that_nobody_vouches_for_is_refused_at_once() {
    let world = world();
    let service = Service::start(&world);
    let before = world.listing();
    for authorities in [None, Some("theirs.pem")] {
        let parts = [service.url.as_str(), "no secure connection", "SSL_CERT_FILE"];
        build(&world, &service.url, authorities).refuses(2, &parts);
    }
    // It is asked by a name that its certificate does not hold.
    let other = service.url.replace("127.0.0.1", "localhost");
    build(&world, &other, Some("ours.pem")).refuses(2, &["no secure connection"]);
    for (file, part) in [("none.pem", "none.pem: No such file"), ("names", "holds no certificate")]
    {
        let ran = build(&world, &service.url, Some(file));
        ran.refuses(2, &["SSL_CERT_FILE: ", part]);
    }
    assert_eq!(world.listing(), before);
}
