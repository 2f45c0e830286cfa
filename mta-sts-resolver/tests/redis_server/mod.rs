//! A real Redis for tests: nothing on the disk, ended with its handle.
//!
//! The environment variables `REDIS_SERVER` and `REDIS_SENTINEL` name other programs that speak its protocol: `tests/valkey`.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server on a loopback port and on a unix socket.
pub(crate) struct RedisServer {
    process: Child,
    folder: tempfile::TempDir,
    address: SocketAddr,
    arguments: Vec<String>,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        for _ in 0..9 {
            // Whoever takes the port meanwhile has it: then another is tried.
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            if let Some(process) = start(free, folder.path(), &arguments) {
                return Self { process, folder, address: free, arguments };
            }
        }
        panic!("redis-server does not start");
    }

    /// A copy of this one, which takes nothing from others.
    pub(crate) fn replica(&self) -> Self {
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        Self::with(&["--replicaof", &host, &port])
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// As a power cut: without a word to anybody, and with nothing kept.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops or goes on, by signal: the connections stay.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// After a kill, in the same place.
    pub(crate) fn restart(&mut self) {
        self.process =
            start(self.address, self.folder.path(), &self.arguments).expect("the port is free again");
    }

    /// What `redis-cli` would say.
    pub(crate) fn command(&self, words: &[&[u8]]) -> redis::Value {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut connection).unwrap()
    }
}

/// Three Sentinels, two of which have to agree. They notice within half a second that a server is gone.
pub(crate) struct Sentinels {
    processes: Vec<Child>,
    addresses: Vec<SocketAddr>,
    _folder: tempfile::TempDir,
}

impl Sentinels {
    /// Watches this primary server, as the service `mail`.
    pub(crate) fn of(primary: &RedisServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut processes, mut addresses) = (Vec::new(), Vec::new());
        while processes.len() < 3 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            // They write what they learn into it.
            let file = folder.path().join(format!("{}.conf", free.port()));
            let text = format!(
                "bind {}\nport {}\nsentinel monitor mail {} {} 2\nsentinel down-after-milliseconds mail 500\n\
                 sentinel failover-timeout mail 2000\n",
                free.ip(),
                free.port(),
                primary.address.ip(),
                primary.address.port(),
            );
            std::fs::write(&file, text).unwrap();
            let mut command = program("REDIS_SENTINEL");
            command.arg(&file).arg("--sentinel").current_dir(folder.path());
            if let Some(process) = listening(command, free) {
                processes.push(process);
                addresses.push(free);
            }
        }
        Self { processes, addresses, _folder: folder }
    }

    pub(crate) fn addresses(&self) -> String {
        self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// Waits until each knows the two others and a replica.
    pub(crate) fn wait_until_they_agree(&self) {
        for address in &self.addresses {
            let client = redis::Client::open(format!("redis://{address}")).unwrap();
            let mut connection = client.get_connection().unwrap();
            for _ in 0..3000 {
                let known: std::collections::HashMap<String, String> =
                    redis::cmd("SENTINEL").arg("MASTER").arg("mail").query(&mut connection).unwrap();
                if known["num-other-sentinels"] == "2" && known["num-slaves"] == "1" {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    pub(crate) fn kill_one(&mut self) {
        self.processes[0].kill().unwrap();
        self.processes[0].wait().unwrap();
    }
}

impl Drop for Sentinels {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program that this environment variable names, or else `redis-server`.
fn program(variable: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| "redis-server".into()))
}

/// None where it ends at once.
fn start(address: SocketAddr, folder: &Path, arguments: &[String]) -> Option<Child> {
    let mut command = program("REDIS_SERVER");
    command
        .args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()])
        .arg("--unixsocket")
        .arg(folder.join("socket"))
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder)
        .args(arguments);
    listening(command, address)
}

/// None where it ends at once.
fn listening(mut command: Command, address: SocketAddr) -> Option<Child> {
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server is missing; for Redis: apt-get install redis-server");
    for _ in 0..3000 {
        if process.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect(address).is_ok() {
            return Some(process);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("redis-server does not listen");
}
