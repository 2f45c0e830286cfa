use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::control::{ControlClient, ControlError, Explained, Request};
use super::output::{Block, Tone, print_json, span, time, with_progress};
use super::remembered::Remembered;
use super::serve::DaemonConfiguration;
use super::{Exit, told};

/// Explain what `mtasts serve` answers for a destination now, and why
///
/// It contacts the running daemon through its control socket. If the daemon has nothing cached, it looks the domain up,
/// as for a message. The output has the answer, the reasons, the cached entry, and recent failures.
///
/// Exit status: 0 it was explained; 1 the daemon refused; 2 wrong usage; 66 the configuration or the control socket may not be read; 75 no daemon answers
/// there, or not now; 78 the configuration has a mistake.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A domain, or a destination as written by Postfix: `example.com`, `[mail.example.com]:587`
    #[arg(required = true, value_name = "DOMAIN")]
    keys: Vec<String>,
    /// The name of the map, as after the last colon of `socketmap:inet:127.0.0.1:8461:postfix`
    #[arg(long, value_name = "NAME", default_value = "postfix")]
    zone: String,
    #[command(flatten)]
    control: ControlSocket,
    /// Print machine-readable JSON
    #[arg(long)]
    json: bool,
}

/// The control socket of the daemon.
#[derive(Args, Clone, Debug)]
pub(crate) struct ControlSocket {
    /// Contact the daemon at this control socket [default: `control` of the configuration, or else /run/mtasts/control]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) control: Option<PathBuf>,
    /// Read this configuration of `mtasts serve` [default: `mtasts.toml` in `$CONFIGURATION_DIRECTORY`, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl ControlSocket {
    pub(crate) fn path(&self) -> Result<PathBuf, (Exit, String)> {
        match &self.control {
            Some(path) => Ok(path.clone()),
            None => DaemonConfiguration::read(self.config.as_deref())
                .map(|configuration| configuration.control().to_owned()),
        }
    }
}

impl Explain {
    pub(crate) async fn run(self) -> Exit {
        let path = match self.control.path() {
            Ok(path) => path,
            Err((exit, what)) => return told(exit, &what),
        };
        match self.explain(&path).await {
            Ok(exit) => exit,
            Err(error) => told(error.exit(), &error.to_string()),
        }
    }

    async fn explain(&self, path: &std::path::Path) -> Result<Exit, ControlError> {
        let mut client = ControlClient::connect(path).await?;
        for (place, key) in self.keys.iter().enumerate() {
            let request = Request::Explain { key: key.clone(), zone: self.zone.clone() };
            let answer = with_progress(&format!("asking about {key}"), client.ask(request)).await?;
            let printed = if self.json {
                print_json(&answer["explanation"])
            } else {
                let explained = client.read::<Explained>(&answer["explanation"])?;
                let gap = if place > 0 { Block::gap() } else { Ok(()) };
                gap.and_then(|()| block(&explained).print())
            };
            if printed.is_err() {
                // The output was closed.
                return Ok(Exit::No);
            }
        }
        Ok(Exit::Fine)
    }
}

fn block(explained: &Explained) -> Block {
    let (tone, meaning) = match explained.answer.split(' ').next() {
        Some("OK") => (Tone::Good, "Postfix uses this instead of its own smtp_tls_security_level."),
        Some("NOTFOUND") => (Tone::Plain, "Postfix uses its own smtp_tls_security_level."),
        _ => (Tone::Bad, "Postfix defers the mail, and asks again later."),
    };
    let mut block = Block::with_verdict(&explained.key, tone, &explained.answer);
    block.line("meaning", Tone::Plain, meaning);
    block.line("reason", Tone::Plain, &explained.reason);
    let zone =
        if explained.default_zone { "[zone]".to_owned() } else { format!("[zones.{}]", explained.zone) };
    block.line("zone", Tone::Plain, zone);
    if let Some(dane) = &explained.dane {
        let (tone, text) = match dane.as_str() {
            "every-host" => (Tone::Good, "applies to every MX host".to_owned()),
            "some-hosts" => (Tone::Note, "applies to some of the MX hosts".to_owned()),
            "no-host" => (Tone::Plain, "applies to no MX host".to_owned()),
            error => (Tone::Bad, format!("could not be looked up [{error}]")),
        };
        block.line("DANE", tone, text);
    }
    match &explained.entry {
        Some(entry) => remembered(&mut block, entry, explained.at),
        None if explained.domain.is_some() => {
            block.line("memory", Tone::Plain, "nothing is cached for the domain");
        }
        None => {}
    }
    for (place, event) in explained.events.iter().enumerate() {
        let label = if place == 0 { "lately" } else { "" };
        let text = format!("{} {} [{}]: {}", time(event.at), event.kind, event.code, event.cause);
        block.line(label, Tone::Note, text);
    }
    block
}

fn remembered(block: &mut Block, entry: &Remembered, now: u64) {
    let mut lines = Vec::new();
    if let Some(policy) = &entry.policy {
        let age = span(Duration::from_secs(now.saturating_sub(policy.fetched_at)));
        let end = if policy.valid { "until" } else { "expired" };
        let tone = if policy.valid { Tone::Good } else { Tone::Bad };
        lines.push((
            tone,
            format!(
                "policy in mode {}, id {}, fetched {age} ago, {end} {}",
                policy.mode,
                policy.id,
                time(policy.expires_at)
            ),
        ));
        if !policy.mx.is_empty() {
            lines.push((Tone::Plain, format!("mx: {}", policy.mx.join(", "))));
        }
        if entry.checked_until > now {
            lines.push((
                Tone::Plain,
                format!("the record is queried again after {}", time(entry.checked_until)),
            ));
        }
    }
    if let Some(absence) = &entry.absence {
        lines.push((
            Tone::Plain,
            format!("no usable record until {} [{}]", time(absence.until), absence.code),
        ));
    }
    if entry.fetch_failures > 0 {
        lines.push((Tone::Note, format!("failed fetches since then: {}", entry.fetch_failures)));
    }
    for back_off in entry.back_offs.iter().filter(|back_off| back_off.until > now) {
        lines.push((
            Tone::Note,
            format!("the policy of id {} is not fetched before {}", back_off.id, time(back_off.until)),
        ));
    }
    for (place, (tone, line)) in lines.into_iter().enumerate() {
        block.line(if place == 0 { "memory" } else { "" }, tone, line);
    }
}
