use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use mta_sts_core::{DnsName, MxPattern, NameError, Policy};
use serde_json::{Value, json};

use super::Exit;
use super::check::FORMAT;
use super::output::{Tone, print_json, print_row, printable};

/// Show which pattern covers which MX host
///
/// Exit status: 0 every host is covered; 1 a host is not covered, or the policy or the pattern has an error; 2 wrong usage; 66 the
/// policy cannot be read.
#[derive(Args, Debug)]
#[command(
    override_usage = "mtasts match [--json] PATTERN HOST...\n       mtasts match [--json] --policy FILE HOST..."
)]
pub(crate) struct Match {
    /// Use the patterns of the policy in this file, `-` for standard input
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print machine-readable JSON
    #[arg(long)]
    json: bool,
    /// The pattern, unless a policy is given, and the hosts. The name of an existing file is not a pattern
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

impl Match {
    pub(crate) fn run(self) -> Exit {
        let (patterns, hosts) = match &self.policy {
            Some(file) => match read(file) {
                Err(error) => {
                    anstream::eprintln!("mtasts: {}: {error}", file.display());
                    return Exit::NoInput;
                }
                Ok(body) => match Policy::parse(&body) {
                    Ok(policy) => {
                        let patterns: Vec<_> = policy.mx_patterns().map(MxPattern::into_owned).collect();
                        (patterns, &self.names[..])
                    }
                    Err(error) => {
                        let place = (error.line(), error.offset());
                        return self.fail("policy", error.code(), place, error.kind().message());
                    }
                },
            },
            None => match self.names.split_first() {
                Some((pattern, _)) if is_file(pattern) => {
                    let file = printable(pattern);
                    anstream::eprintln!(
                        "mtasts: {file} is a file: for the patterns of the policy in it, write `mtasts match --policy \
                         {file} HOST...`"
                    );
                    return Exit::Usage;
                }
                Some((pattern, hosts)) if !hosts.is_empty() => match MxPattern::parse(pattern) {
                    Ok(pattern) => (vec![pattern], hosts),
                    Err(error) => {
                        let place = (error.line(), error.offset());
                        return self.fail("pattern", error.code(), place, error.kind().message());
                    }
                },
                _ => {
                    anstream::eprintln!(
                        "mtasts: give hosts to match with the pattern, or a policy with --policy"
                    );
                    return Exit::Usage;
                }
            },
        };
        let answers: Vec<_> = hosts.iter().map(|host| Answer::new(host, &patterns)).collect();
        let printed = if self.json { print_json(&json(&patterns, &answers)) } else { print(&answers) };
        if printed.is_ok() && answers.iter().all(|answer| matches!(answer.pattern, Ok(Some(_)))) {
            Exit::Fine
        } else {
            Exit::No
        }
    }

    fn fail(&self, what: &str, code: &str, (line, offset): (u32, usize), sentence: &str) -> Exit {
        if self.json {
            let error =
                json!({ "of": what, "code": code, "line": line, "offset": offset, "message": sentence });
            // Without a reader nothing is left to report.
            let _ = print_json(&json!({ "format": FORMAT, "error": error }));
        } else {
            anstream::eprintln!(
                "mtasts: the {what} has an error in line {line}, at byte {offset}: {sentence} [{code}]",
            );
        }
        Exit::No
    }
}

/// Returns whether this is meant as a file. No pattern has a slash; the name of an existing file may look like a
/// pattern, and with a trailing dot it is one.
fn is_file(pattern: &str) -> bool {
    pattern.contains('/') || pattern == "-" || Path::new(pattern).is_file()
}

/// The result for a host.
struct Answer<'a> {
    host: &'a str,
    pattern: Result<Option<String>, NameError>,
}

impl<'a> Answer<'a> {
    fn new(host: &'a str, patterns: &[MxPattern<'_>]) -> Self {
        let pattern = DnsName::parse(host)
            .map(|name| patterns.iter().find(|pattern| pattern.matches(&name)).map(ToString::to_string));
        Self { host, pattern }
    }
}

fn print(answers: &[Answer<'_>]) -> io::Result<()> {
    let width = answers.iter().map(|answer| printable(answer.host).chars().count()).max().unwrap_or_default();
    for answer in answers {
        let host = printable(answer.host);
        let (tone, text) = match &answer.pattern {
            Ok(Some(pattern)) => (Tone::Good, format!("covered by {pattern}")),
            Ok(None) => (Tone::Bad, "not covered".to_owned()),
            Err(error) => {
                (Tone::Bad, format!("not a host name: {} [{}]", error.kind().message(), error.code()))
            }
        };
        print_row(&format!("{host:<width$}  "), tone, &text)?;
    }
    Ok(())
}

fn json(patterns: &[MxPattern<'_>], answers: &[Answer<'_>]) -> Value {
    let hosts = answers.iter().map(|answer| {
        let error = answer.pattern.as_ref().err().map(
            |error| json!({ "code": error.code(), "offset": error.offset(), "message": error.kind().message() }),
        );
        let pattern = answer.pattern.as_ref().ok().cloned().flatten();
        json!({ "host": answer.host, "covered": pattern.is_some(), "pattern": pattern, "error": error })
    });
    let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
    json!({ "format": FORMAT, "patterns": patterns, "hosts": hosts.collect::<Vec<_>>() })
}

/// Reads one octet more than a policy may have, so that a longer one is detected.
pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    let limit = Policy::MAX_LEN as u64 + 1;
    let mut body = Vec::new();
    if file == Path::new("-") {
        stdin().lock().take(limit).read_to_end(&mut body)?;
    } else {
        File::open(file)?.take(limit).read_to_end(&mut body)?;
    }
    Ok(body)
}
