//! A daemon while it runs, and what it takes of the machine.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::Failure;

/// Ends with the value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    begun: Instant,
}

impl Process {
    /// Starts a program, and waits until somebody listens at the address.
    pub(crate) async fn start(command: &mut Command, address: SocketAddr) -> Result<Self, Failure> {
        let begun = Instant::now();
        let child = command.kill_on_drop(true).stdin(Stdio::null()).spawn()?;
        let mut process = Self { child, begun };
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("{command:?} ended: {status}").into());
            }
            if begun.elapsed() > START_WITHIN {
                return Err(format!("{command:?} does not listen at {address}").into());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(process)
    }

    /// Waits until its log has these words; how long after its start.
    pub(crate) async fn told(&self, log: &Path, words: &str) -> Result<Duration, Failure> {
        while !std::fs::read_to_string(log)?.contains(words) {
            if self.begun.elapsed() > START_WITHIN {
                return Err(format!("the log does not come to `{words}`").into());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(self.begun.elapsed())
    }

    /// The CPU time of all its threads, also of those that have ended: what `schedstat` counts, in nanoseconds.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        Ok(Duration::from(clock_getcpuclockid(Pid::from_raw(self.id()?))?.now()?))
    }

    /// Resident memory, in octets.
    pub(crate) fn resident(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
            .ok_or("the system does not tell resident memory")?;
        Ok(kibibytes * 1024)
    }

    /// Asks it to end, and waits until it has ended.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        kill(Pid::from_raw(self.id()?), Signal::SIGTERM)?;
        self.child.wait().await?;
        Ok(())
    }

    fn id(&self) -> Result<i32, Failure> {
        Ok(i32::try_from(self.child.id().ok_or("the daemon has ended")?)?)
    }
}

const START_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
