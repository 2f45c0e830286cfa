//! The daemon under a service manager: what it tells it, and what it is handed by it.

use std::fs::File;
use std::io::Read;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::daemon::{Daemon, LONG, ask, exchange};
use crate::status::get;

const ALONE: [&str; 4] = ["--dns", "127.0.0.1:9", "--store", "memory"];

/// The side of the service manager.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        Self { socket, folder }
    }

    fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtasts"));
        command.args(["serve", "--log-format", "json"]).args(ALONE).args(arguments);
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify")).envs(environment.iter().copied());
        Daemon::spawn(&mut command)
    }

    /// The next message, as lines.
    fn message(&self) -> Vec<String> {
        let mut octets = [0; 4096];
        let length = loop {
            match self.socket.recv(&mut octets) {
                // The end of another child.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                received => break received.expect("a message"),
            }
        };
        String::from_utf8(octets[..length].to_vec()).unwrap().lines().map(str::to_owned).collect()
    }

    /// The next message with this line; none before it has one that must not be there yet.
    fn message_with(&self, line: &str, not_before: &[&str]) -> Vec<String> {
        loop {
            let message = self.message();
            if message.iter().any(|said| said == line) {
                return message;
            }
            assert!(
                !message.iter().any(|said| not_before.contains(&said.as_str())),
                "{message:?} before {line}"
            );
        }
    }
}

#[test]
fn the_manager_hears_of_every_turn() {
    let manager = Manager::new();
    let mut daemon = manager.start(&["--listen", "127.0.0.1:0"], &[]);
    let ready = manager.message_with("READY=1", &["STOPPING=1", "RELOADING=1"]);
    assert!(ready.iter().any(|line| line.starts_with("STATUS=answering")), "{ready:?}");
    // Ready is who answers.
    let address = daemon.listening();
    assert_eq!(ask(&address, "postfix [192.0.2.1]"), "9:NOTFOUND ,");

    daemon.signal("-HUP");
    let reloading = manager.message_with("RELOADING=1", &["READY=1"]);
    assert!(
        reloading.iter().any(|line| line
            .strip_prefix("MONOTONIC_USEC=")
            .is_some_and(|time| time.parse::<u64>().is_ok_and(|time| time > 0))),
        "{reloading:?}"
    );
    manager.message_with("READY=1", &["STOPPING=1"]);
    daemon.signal("-TERM");
    manager.message_with("STOPPING=1", &["READY=1"]);
    assert_eq!(daemon.end().0, Some(0));
}

#[test]
fn the_watchdog_is_fed_if_there_is_one() {
    let manager = Manager::new();
    let _daemon = manager.start(&["--listen", "127.0.0.1:0"], &[("WATCHDOG_USEC", "100000")]);
    manager.message_with("READY=1", &["WATCHDOG=1"]);
    for _ in 0..3 {
        manager.message_with("WATCHDOG=1", &["READY=1"]);
    }
}

#[test]
fn a_broken_configuration_is_never_ready() {
    let manager = Manager::new();
    let daemon = manager.start(&["--config", "/nonexistent.toml"], &[]);
    assert_eq!(daemon.end().0, Some(66));
    manager.socket.set_nonblocking(true).unwrap();
    assert!(manager.socket.recv(&mut [0; 64]).is_err(), "nothing was said");
}

#[test]
fn sockets_that_were_handed_over_take_the_place_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut command = Command::new("python3");
    command.args(["-c", HAND_OVER, path.to_str().unwrap(), env!("CARGO_BIN_EXE_mtasts"), "serve"]);
    // Nobody can listen on this one.
    command.args(["--log-format", "json", "--listen", "192.0.2.1:1", "--metrics", "192.0.2.1:2"]).args(ALONE);
    let mut daemon = Daemon::spawn(&mut command);
    let pages = daemon.event_of("serving /metrics")["address"].as_str().unwrap().to_owned();
    let address = daemon.listening();
    assert_eq!(daemon.listening(), format!("unix:{}", path.display()));
    assert_eq!(ask(&address, "postfix [192.0.2.1]"), "9:NOTFOUND ,");
    assert_eq!(exchange(UnixStream::connect(&path).unwrap(), "postfix [192.0.2.1]"), "9:NOTFOUND ,");
    assert_eq!(get(&pages, "/healthz").0, 200);
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
}

/// As systemd does: listens on 3 (TCP), 4 (unix) and 5 (TCP, for metrics), and becomes the daemon.
const HAND_OVER: &str = "
import os, socket, sys
sockets = [socket.create_server(('127.0.0.1', 0)), socket.socket(socket.AF_UNIX), socket.create_server(('127.0.0.1', 0))]
sockets[1].bind(sys.argv[1])
sockets[1].listen()
for number, one in enumerate([os.dup(one.fileno()) for one in sockets], 13):
    os.dup2(one, number)
for number in range(3, 6):
    os.dup2(number + 10, number, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='3', LISTEN_FDNAMES='mtasts.socket:mtasts.socket:metrics')
os.execv(sys.argv[2], sys.argv[2:])
";

#[test]
fn the_journal_gets_priorities_and_no_times() {
    let (mut read, write) = std::io::pipe().unwrap();
    let write = File::from(std::os::fd::OwnedFd::from(write));
    let metadata = write.metadata().unwrap();
    let stream = {
        use std::os::unix::fs::MetadataExt;
        format!("{}:{}", metadata.dev(), metadata.ino())
    };
    let mut process = Command::new(env!("CARGO_BIN_EXE_mtasts"))
        .args(["serve", "--listen", "192.0.2.1:1", "--metrics", "127.0.0.1:0"])
        .args(ALONE)
        .args(["--log-level", "debug"])
        .env("JOURNAL_STREAM", stream)
        .stderr(Stdio::from(write))
        .spawn()
        .unwrap();
    let mut log = String::new();
    read.read_to_string(&mut log).unwrap();
    process.wait().unwrap();
    assert!(log.starts_with("<7>limit of open files files="), "{log}");
    assert!(!log.contains("DEBUG"), "{log}");
}

#[test]
fn the_soft_limit_of_open_files_is_raised() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 64 && exec \"$0\" serve --log-format json --listen 127.0.0.1:0 \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_mtasts")).args(ALONE);
    let mut daemon = Daemon::spawn(&mut command);
    daemon.listening();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.process.id())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut words = files.split_whitespace();
    assert_eq!(words.next(), words.next(), "{files}");
}
