use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::error::WorldError;
use crate::line::{Line, read_line};
use crate::live::Live;
use crate::reports::TlsrptAnswer;
use crate::scenario::State;
use crate::zone::SettableType;

/// Binds the control socket, and replaces a stale socket that nobody serves.
pub(crate) fn listen(path: &Path) -> Result<UnixListener, WorldError> {
    let failed = |source| WorldError::File { path: path.to_owned(), source };
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path).map_err(failed)?;
    }
    UnixListener::bind(path).map_err(failed)
}

pub(crate) async fn serve(listener: UnixListener, world: Arc<Live>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, or the client is gone already: neither ends the server.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        if connections.len() < MAX_CONNECTIONS {
            connections.spawn(connection(stream, world.clone()));
        }
    }
}

async fn connection(stream: UnixStream, world: Arc<Live>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let answer = match read_line(&mut stream, MAX_LINE).await? {
            Line::End => return Ok(()),
            Line::TooLong => error("line-too-long", &format!("a command has {MAX_LINE} octets at most")),
            Line::Text(line) => match serde_json::from_slice(&line) {
                Ok(command) => obey(&command, &world),
                Err(reason) => error("bad-command", &reason.to_string()),
            },
        };
        let stream = stream.get_mut();
        stream.write_all(format!("{answer}\n").as_bytes()).await?;
        stream.flush().await?;
    }
}

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
enum Command {
    Switch {
        scenario: String,
        state: State,
    },
    Tlsrpt {
        domain: String,
        record: Option<String>,
    },
    Records {
        name: String,
        #[serde(rename = "type")]
        kind: SettableType,
        records: Vec<String>,
    },
    Seen,
    Reset,
    Scenarios,
}

fn obey(command: &Command, world: &Live) -> Value {
    match command {
        Command::Switch { scenario, state } => match world.switch(scenario, *state) {
            Ok(()) => json!({ "switched": { "scenario": scenario, "state": state } }),
            Err(reason) => error(reason.code(), &reason.to_string()),
        },
        Command::Tlsrpt { domain, record } => {
            let answer = record.clone().map_or(TlsrptAnswer::NoRecord, TlsrptAnswer::Record);
            match world.set_tlsrpt(domain, answer) {
                Ok(()) => json!({ "tlsrpt": { "domain": domain, "record": record } }),
                Err(reason) => error(reason.code(), &reason.to_string()),
            }
        }
        Command::Records { name, kind, records } => match world.set_records(name, *kind, records) {
            Ok(()) => json!({ "records": { "name": name, "records": records } }),
            Err(reason) => error(reason.code(), &reason.to_string()),
        },
        Command::Seen => json!({ "seen": world.seen() }),
        Command::Reset => match world.reset() {
            Ok(()) => json!({ "reset": true }),
            Err(reason) => error(reason.code(), &reason.to_string()),
        },
        Command::Scenarios => {
            let scenarios = world.scenarios().map(|(scenario, state)| {
                let mut value = json!(scenario);
                value["state"] = json!(state);
                value
            });
            json!({ "scenarios": scenarios.collect::<Vec<_>>() })
        }
    }
}

fn error(code: &str, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

const MAX_LINE: usize = 4096;
const MAX_CONNECTIONS: usize = 64;
