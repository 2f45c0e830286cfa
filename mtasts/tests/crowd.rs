//! Ten thousand clients of one daemon at once: quick ones, silent ones, and ones that never finish what they say.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

mod daemon;
mod socketmap_client;

use std::net::SocketAddr;
use std::process::Command;

use daemon::{Daemon, Lab};
use socketmap_client::Client;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CLIENTS: usize = 10_000;
const ANSWER: &str = "OK secure match=mx.healthy-enforce.test servername=hostname";

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_are_served_whatever_the_others_do() {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(files > CLIENTS as u64 + 500, "this needs more open files than {files}: ulimit -Hn");
    let lab = Lab::start().await;
    let mut daemon = start(&lab);
    let address: SocketAddr = daemon.listening().parse().unwrap();

    // All at once, and all stay.
    let mut joining = JoinSet::new();
    for number in 0..CLIENTS {
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
    let asked = lab.world.seen();
    assert_eq!(asked.https.len(), 1, "the Policy Host was asked once for all of them");

    // Half of them stop in the middle of a request; the others go on.
    for client in clients.iter_mut().step_by(2) {
        client.send(b"28:postfix heal").await;
    }
    for client in clients.iter_mut().skip(1).step_by(2) {
        assert_eq!(client.ask("postfix healthy-enforce.test").await, ANSWER);
    }
    let resident = resident_kib(&daemon);
    assert!(resident < 128 * 1024, "{resident} KiB for {CLIENTS} clients");

    drop(clients);
    let mut late = Client { stream: TcpStream::connect(address).await.unwrap() };
    assert_eq!(late.ask("postfix healthy-enforce.test").await, ANSWER);
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0, Some(0));
    lab.world.shutdown().await;
}

/// `mtasts serve` as a process of its own, since what is open there does not count here; with as many open files as a shell
/// usually allows: the daemon sees to it that this is enough.
fn start(lab: &Lab) -> Daemon {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 1024; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mtasts")]);
    Daemon::spawn(command.args(["serve", "--log-format", "json"]).args(lab.arguments(&[])))
}

fn resident_kib(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
