//! What is measured, and the tables of it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::process::Command;

use crate::Failure;
use crate::load::Load;
use crate::million;
use crate::process::Process;
use crate::world::World;

#[derive(Args, Debug)]
pub(crate) struct Measure {
    /// The program `mtasts`
    #[arg(long)]
    mtasts: PathBuf,
    /// The program `mta-sts-daemon` of postfix-mta-sts-resolver
    #[arg(long)]
    peer: Option<PathBuf>,
    /// How often each thing is measured; the least counts
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// How many domains are in the large store
    #[arg(long, default_value_t = 1_000_000)]
    stored: usize,
}

/// Whom we measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Stub,
    Mtasts,
    Peer,
}

impl Subject {
    fn address(self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 8461 + self as u16))
    }
}

impl Measure {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        // The client has one thread, and the world another one: neither may take the daemon's processor.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let world_runtime = runtime.worker_threads(1).enable_all().build()?;
        let ca_file = folder.path().join("ca.pem");
        let world = world_runtime.block_on(async { World::serve(&ca_file).await })?;
        let bench = Bench { measure: self, folder: folder.path().to_owned(), ca_file, world };
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            bench.memory_and_warm().await?;
            bench.cold().await?;
            bench.large_store().await
        })
    }
}

struct Bench {
    measure: Measure,
    folder: PathBuf,
    ca_file: PathBuf,
    world: World,
}

impl Bench {
    /// Memory without and with policies, then answers from memory; the three in turn, so that what else the machine does
    /// meets all.
    async fn memory_and_warm(&self) -> Result<(), Failure> {
        println!("\n| memory | mtasts, MiB | goal | peer, MiB |\n|---|--:|--:|--:|");
        let mut daemons = Vec::new();
        let (mut idle, mut filled) = (Vec::new(), Vec::new());
        for subject in self.subjects() {
            let daemon = self.start(subject, &self.new_store()?, &[]).await?;
            tokio::time::sleep(SETTLE).await;
            idle.push(mebibytes(daemon.resident()?));
            if subject != Subject::Stub {
                Load::cold(subject.address(), WARM_DOMAINS, POLICY).run().await?;
                tokio::time::sleep(SETTLE).await;
            }
            filled.push(mebibytes(daemon.resident()?));
            daemons.push((subject, daemon));
        }
        let peers = |values: &[String]| values.get(2).cloned().unwrap_or_default();
        println!("| idle | {} | 8 | {} |", idle[1], peers(&idle));
        println!("| 1,000 policies | {} | 12 | {} |", filled[1], peers(&filled));

        println!(
            "\n| warm answers | stub, µs | mtasts, µs | ratio | goal | peer, µs |\n|---|--:|--:|--:|--:|--:|"
        );
        for connections in [1, 32] {
            let mut least = vec![Duration::MAX; daemons.len()];
            for _ in 0..self.measure.repetitions {
                for ((subject, daemon), least) in daemons.iter().zip(&mut least) {
                    let load = Load::warm(subject.address(), connections);
                    *least = cpu_of(daemon, load).await?.min(*least);
                }
            }
            let micros = |index: usize| least.get(index).map(|cpu| cpu.as_secs_f64() * 1e6);
            let (stub, ours) = (micros(0).unwrap_or_default(), micros(1).unwrap_or_default());
            println!(
                "| {connections} connection{} | {stub:.2} | {ours:.2} | {:.2} | 1.2{} | {} |",
                if connections == 1 { "" } else { "s" },
                ours / stub,
                if connections == 32 { ", 7 µs" } else { "" },
                micros(2).map(|peer| format!("{peer:.1}")).unwrap_or_default(),
            );
        }
        for (_, daemon) in daemons {
            daemon.end().await?;
        }
        Ok(())
    }

    /// Domains that nobody has asked for before, of a daemon that has just started with an empty store.
    async fn cold(&self) -> Result<(), Failure> {
        let mut least = [[Duration::MAX; 2]; COLD.len()];
        for _ in 0..self.measure.repetitions {
            for (cold, least) in COLD.iter().zip(&mut least) {
                let subjects = self.subjects();
                let asked = [Subject::Mtasts, Subject::Peer].into_iter().zip(least);
                for (subject, least) in
                    asked.filter(|(subject, _)| subjects.contains(subject) && cold.is_for(*subject))
                {
                    let daemon = self.start(subject, &self.new_store()?, cold.options).await?;
                    tokio::time::sleep(SETTLE).await;
                    self.world.fetches();
                    let load = Load::cold(subject.address(), COLD_DOMAINS, cold.kind);
                    *least = cpu_of(&daemon, load).await?.min(*least);
                    let expected = if cold.kind == NO_POLICY { 0 } else { COLD_DOMAINS };
                    if self.world.fetches() != expected {
                        return Err("not each policy was fetched once".into());
                    }
                    daemon.end().await?;
                }
            }
        }
        println!("\n| cold, a domain | mtasts, ms | goal | peer, ms |\n|---|--:|--:|--:|");
        for (cold, [ours, peer]) in COLD.iter().zip(least) {
            let millis = |cpu: Duration| match cpu {
                Duration::MAX => String::new(),
                cpu => format!("{:.3}", cpu.as_secs_f64() * 1e3),
            };
            println!("| {} | {} | {} | {} |", cold.what, millis(ours), cold.goal, millis(peer));
        }
        Ok(())
    }

    /// A start with a store that has been in use for long.
    async fn large_store(&self) -> Result<(), Failure> {
        let store = self.new_store()?;
        let (file, domains) = (store.join("cache.sqlite"), self.measure.stored);
        tokio::task::spawn_blocking(move || million::write(&file, domains)).await??;
        let mut least = Duration::MAX;
        let mut resident = 0;
        for _ in 0..self.measure.repetitions {
            let daemon = self.start(Subject::Mtasts, &store, &[]).await?;
            let loaded = format!("policies are in memory entries={domains} ");
            least = daemon.told(&store.join("log"), &loaded).await?.min(least);
            tokio::time::sleep(SETTLE).await;
            resident = resident.max(daemon.resident()?);
            daemon.end().await?;
        }
        println!("\n| start with {domains} domains | mtasts | goal |\n|---|--:|--:|");
        println!("| seconds | {:.2} | 3 |", least.as_secs_f64());
        println!("| MiB | {} | 200 |", mebibytes(resident));
        Ok(())
    }

    fn subjects(&self) -> Vec<Subject> {
        let mut subjects = vec![Subject::Stub, Subject::Mtasts];
        subjects.extend(self.measure.peer.is_some().then_some(Subject::Peer));
        subjects
    }

    async fn start(&self, subject: Subject, store: &Path, options: &[&str]) -> Result<Process, Failure> {
        let address = subject.address();
        let mut command = match subject {
            Subject::Stub => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["stub", "--listen", &address.to_string()]);
                command
            }
            Subject::Mtasts => {
                let mut command = Command::new(&self.measure.mtasts);
                let (file, config) = (store.join("cache.sqlite"), store.join("mtasts.toml"));
                // Room for all domains and policies; nothing of it is taken before they come.
                let max_entries = self.measure.stored.max(65_536);
                let limits = format!("[limits]\nmax-entries = {max_entries}\nmax-memory = \"2 GiB\"\n");
                std::fs::write(&config, limits)?;
                command.args(["serve", "--listen", &address.to_string()]).args(options);
                command.arg("--store").arg(format!("sqlite:{}", file.display()));
                command.arg("--config").arg(config);
                command
            }
            Subject::Peer => {
                let config = store.join("mta-sts-daemon.yml");
                std::fs::write(&config, format!("host: 127.0.0.1\nport: {}\n", address.port()))?;
                let mut command = Command::new(self.measure.peer.as_ref().ok_or("no peer was given")?);
                command.arg("--config").arg(config);
                command
            }
        };
        let log = File::create(store.join("log"))?;
        command.env("SSL_CERT_FILE", &self.ca_file).stdout(log.try_clone()?).stderr(log);
        Process::start(&mut command, address).await
    }

    fn new_store(&self) -> Result<PathBuf, Failure> {
        Ok(tempfile::tempdir_in(&self.folder)?.keep())
    }
}

/// Lookups of domains that are not known yet.
struct Cold {
    what: &'static str,
    kind: Kind,
    /// Of `mtasts serve`.
    options: &'static [&'static str],
    goal: &'static str,
}

impl Cold {
    fn is_for(&self, subject: Subject) -> bool {
        // The peer knows no DANE.
        subject == Subject::Mtasts || self.options == NO_DANE || self.kind == NO_POLICY
    }
}

impl Load {
    fn cold(server: SocketAddr, domains: usize, (suffix, expect): Kind) -> Self {
        Self { server, connections: 32, requests: domains, in_turn: true, domains, suffix, expect }
    }

    fn warm(server: SocketAddr, connections: usize) -> Self {
        let (suffix, expect) = POLICY;
        Self {
            connections,
            requests: WARM_REQUESTS,
            in_turn: false,
            ..Self::cold(server, WARM_DOMAINS, (suffix, expect))
        }
    }
}

/// The daemon's CPU time a request.
async fn cpu_of(daemon: &Process, load: Load) -> Result<Duration, Failure> {
    let requests = u32::try_from(load.requests)?;
    let before = daemon.cpu()?;
    load.run().await?;
    // What is still to be done after the last answer counts too.
    tokio::time::sleep(SETTLE).await;
    Ok(daemon.cpu()?.saturating_sub(before) / requests)
}

fn mebibytes(octets: u64) -> String {
    format!("{}.{}", octets >> 20, (octets >> 10) % 1024 * 10 / 1024)
}

/// How the names of the domains end, and how the answers begin.
type Kind = (&'static str, &'static str);

const POLICY: Kind = (".policy.test", "OK secure match=");
const NO_POLICY: Kind = (".none.test", "NOTFOUND ");
const DANE: Kind = (".dane.test", "OK dane-only");
const NO_DANE: &[&str] = &["--dane", "danger-ignore"];

const COLD: [Cold; 4] = [
    Cold { what: "a policy, DANE ignored", kind: POLICY, options: NO_DANE, goal: "0.35" },
    Cold { what: "a policy, nothing signed", kind: POLICY, options: &[], goal: "0.5" },
    Cold { what: "a policy, and DANE", kind: DANE, options: &[], goal: "0.5" },
    Cold { what: "no policy", kind: NO_POLICY, options: &[], goal: "0.08" },
];

const WARM_DOMAINS: usize = 1000;
const WARM_REQUESTS: usize = 100_000;
const COLD_DOMAINS: usize = 2000;
const SETTLE: Duration = Duration::from_millis(300);
