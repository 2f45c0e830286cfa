//! A daemon that runs, and the world that it asks.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use mta_sts_world::{World, WorldConfig};
use serde_json::Value;
use tempfile::TempDir;

/// A daemon that runs; what it logs is read line by line.
pub(crate) struct Daemon {
    pub(crate) process: Child,
    log: BufReader<ChildStderr>,
}

impl Daemon {
    pub(crate) fn start(arguments: &[impl AsRef<std::ffi::OsStr>]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        Self::spawn(command.args(["serve", "--log-format", "json"]).args(arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        Self { process, log }
    }

    /// The next event of the log.
    pub(crate) fn event(&mut self) -> Value {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no event: {line:?}"))
    }

    /// The next event that says this.
    pub(crate) fn event_of(&mut self, message: &str) -> Value {
        loop {
            let event = self.event();
            if event["message"].as_str().is_some_and(|said| said.starts_with(message)) {
                return event;
            }
        }
    }

    pub(crate) fn listening(&mut self) -> String {
        self.event_of("listening")["address"].as_str().unwrap().to_owned()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code(), rest)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A world, and a folder for files.
pub(crate) struct Lab {
    pub(crate) world: World,
    folder: TempDir,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::start(WorldConfig::default()).await.unwrap();
        std::fs::write(folder.path().join("ca.pem"), world.ca_pem()).unwrap();
        Self { world, folder }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// What makes a daemon ask this world, keep nothing, and listen on a free port, unless `others` say otherwise.
    pub(crate) fn arguments(&self, others: &[&str]) -> Vec<String> {
        let mut arguments = vec![
            "--dns".to_owned(),
            self.world.dns_addr().to_string(),
            "--https-port".to_owned(),
            self.world.https_port().to_string(),
            "--ca-file".to_owned(),
            self.path("ca.pem"),
            "--listen".to_owned(),
            "127.0.0.1:0".to_owned(),
        ];
        if !others.contains(&"--store") {
            arguments.extend(["--store", "memory"].map(str::to_owned));
        }
        arguments.extend(others.iter().map(|&other| other.to_owned()));
        arguments
    }
}

/// The answer to one request, as a netstring.
pub(crate) fn ask(address: &str, key: &str) -> String {
    exchange(TcpStream::connect(address).unwrap(), key)
}

pub(crate) fn exchange(mut stream: impl Read + Write, key: &str) -> String {
    write!(stream, "{}:{key},", key.len()).unwrap();
    let mut answer = Vec::new();
    let mut octet = [0];
    while !is_whole(&answer) && stream.read(&mut octet).unwrap() == 1 {
        answer.push(octet[0]);
    }
    String::from_utf8(answer).unwrap()
}

fn is_whole(netstring: &[u8]) -> bool {
    let text = String::from_utf8_lossy(netstring);
    let Some((length, rest)) = text.split_once(':') else { return false };
    rest.len() > length.parse().unwrap()
}

/// Only a broken daemon takes as long.
pub(crate) const LONG: Duration = Duration::from_secs(30);
