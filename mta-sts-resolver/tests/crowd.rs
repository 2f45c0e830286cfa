//! Ten thousand clients of one daemon at once: quick ones, silent ones, and ones that never finish what they say.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod socketmap_client;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use mta_sts_world::{World, WorldConfig};
use socketmap_client::Client;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CLIENTS: usize = 10_000;
const ANSWER: &str = "OK secure match=mx.healthy-enforce.test servername=hostname";

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_are_served_whatever_the_others_do() {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(files > CLIENTS as u64 + 500, "this needs more open files than {files}: ulimit -Hn");
    let world = World::start(WorldConfig::default()).await.unwrap();
    let daemon = Daemon::start(&world);

    // All at once, and all stay.
    let mut joining = JoinSet::new();
    for number in 0..CLIENTS {
        let address = daemon.address;
        joining.spawn(async move {
            let mut client = Client { stream: TcpStream::connect(address).await.unwrap() };
            let answer = client.ask("postfix healthy-enforce.test").await;
            (number, client, answer)
        });
    }
    let mut clients = Vec::with_capacity(CLIENTS);
    for (number, client, answer) in joining.join_all().await {
        assert_eq!(answer, ANSWER, "client {number}");
        clients.push(client);
    }
    let asked = world.seen();
    assert_eq!(asked.https.len(), 1, "the Policy Host was asked once for all of them");

    // Half of them stop in the middle of a request; the others go on.
    for client in clients.iter_mut().step_by(2) {
        client.send(b"28:postfix heal").await;
    }
    for client in clients.iter_mut().skip(1).step_by(2) {
        assert_eq!(client.ask("postfix healthy-enforce.test").await, ANSWER);
    }
    let resident = daemon.resident_kib();
    assert!(resident < 128 * 1024, "{resident} KiB for {CLIENTS} clients");

    drop(clients);
    let mut late = Client { stream: TcpStream::connect(daemon.address).await.unwrap() };
    assert_eq!(late.ask("postfix healthy-enforce.test").await, ANSWER);
    drop(daemon);
    world.shutdown().await;
}

/// `mtasts serve`, as a process of its own: what is open there does not count here.
struct Daemon {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Daemon {
    fn start(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, world.ca_pem()).unwrap();
        // As many open files as a shell usually allows: the daemon sees to it that this is enough.
        let mut process = Command::new("sh")
            .args(["-c", "ulimit -S -n 1024; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mtasts")])
            .args(["serve", "--store", "memory", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(["--dns", &world.dns_addr().to_string(), "--https-port", &world.https_port().to_string()])
            .arg("--ca-file")
            .arg(ca)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            (event["message"] == "listening").then(|| event["address"].as_str().unwrap().parse().unwrap())
        });
        // The rest is read so that the daemon never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address: address.unwrap(), _folder: folder }
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
