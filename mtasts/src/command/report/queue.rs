use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use mta_sts_reporter::{DeliveryState, OutboxError, OutboxErrorKind, QueuedDelivery, ReportQueue};
use serde_json::{Value, json};

use super::super::output::{Tone, print_json, printable, time};
use super::super::serve::DaemonConfiguration;
use super::super::{Exit, told};

/// List the deliveries of TLS reports: those that wait, and those that ended within a week
///
/// Exit status: 0 it was listed; 2 wrong usage; 66 there is no queue, or it cannot be read; 75 another process has it; 78 the
/// configuration has a mistake.
#[derive(Args, Debug)]
pub(crate) struct Queue {
    /// The configuration of `mtasts serve` [default: `mtasts.toml` in `$CONFIGURATION_DIRECTORY`, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON: an array of objects
    #[arg(long)]
    json: bool,
}

impl Queue {
    pub(crate) fn run(&self) -> Exit {
        let configuration = match DaemonConfiguration::read(self.config.as_deref()) {
            Ok(configuration) => configuration,
            Err((exit, what)) => return told(exit, &what),
        };
        let path = configuration.report_queue();
        let read = ReportQueue::open_to_look(&path).and_then(|queue| queue.deliveries());
        let deliveries = match read {
            Ok(deliveries) => deliveries,
            Err(error) if error.kind() == OutboxErrorKind::Missing => {
                let what = format!("{error}: `mtasts serve` makes it, if `from` in [report] is set");
                return told(exit(&error), &what);
            }
            Err(error) => return told(exit(&error), &format!("{}: {error}", path.display())),
        };
        let printed = if self.json {
            print_json(&Value::Array(deliveries.iter().map(json).collect()))
        } else {
            print(&deliveries)
        };
        // A closed pipe has seen enough.
        let _ = printed;
        Exit::Fine
    }
}

/// The exit status if the queue cannot be used.
pub(super) fn exit(error: &OutboxError) -> Exit {
    match error.kind() {
        OutboxErrorKind::Full | OutboxErrorKind::Locked | OutboxErrorKind::Unavailable => Exit::Temporary,
        _ => Exit::NoInput,
    }
}

fn json(delivery: &QueuedDelivery) -> Value {
    json!({
        "domain": delivery.domain,
        "day": day(delivery),
        "report_id": delivery.report_id,
        "rua": Some(&delivery.rua).filter(|rua| !rua.is_empty()),
        "state": delivery.state.code(),
        "tries": delivery.tries,
        "next_try": delivery.next_try.map(|at| time(at.as_secs())),
        "last_error": delivery.last_error,
    })
}

/// The day as a date.
fn day(delivery: &QueuedDelivery) -> String {
    let start = time(delivery.day.as_secs());
    start.split('T').next().unwrap_or(&start).to_owned()
}

fn print(deliveries: &[QueuedDelivery]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    if deliveries.is_empty() {
        writeln!(out, "no delivery waits, and none has ended within a week")?;
    }
    for delivery in deliveries {
        let rua = if delivery.rua.is_empty() { "(the record was not queried yet)" } else { &delivery.rua };
        writeln!(out, "{}  {}  {}", day(delivery), printable(&delivery.domain), printable(rua))?;
        let tone = match delivery.state {
            DeliveryState::Sent => Tone::Good,
            DeliveryState::Refused | DeliveryState::GivenUp => Tone::Bad,
            _ => Tone::Note,
        };
        let style = tone.style();
        let tries = match delivery.tries {
            1 => "1 attempt".to_owned(),
            tries => format!("{tries} attempts"),
        };
        write!(out, "  {style}{}{style:#}, {tries}", delivery.state.code())?;
        if let Some(at) = delivery.next_try {
            write!(out, ", next {}", time(at.as_secs()))?;
        }
        if let Some(error) = &delivery.last_error {
            write!(out, "; {}", printable(error))?;
        }
        writeln!(out)?;
    }
    out.flush()
}
