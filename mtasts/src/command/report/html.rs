//! `mtasts report html`: reports as one page.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use mta_sts_core::PolicyDomain;
use mta_sts_reporter::Page;

use super::show::is_same;
use super::source::{Sources, exit_of, now, unreadable_block};
use crate::command::check::LiveCheck;
use crate::command::{Exit, Network};

/// Make one HTML page of the reports, which has no scripts and fetches nothing when it is opened
///
/// The page works from a file, by mail and on paper, in light and dark, on phones. Whether to enforce comes first, then days,
/// causes of failures with their remedies, who reports, the policies seen, DANE, unread input, and the reports themselves.
///
/// Exit status: 0 the page was made; 1 something was not read; 2 wrong usage; 66 no report was read, or none about such a domain; 75
/// the page could not be written.
#[derive(Args, Debug)]
// Without a look, where to look is a mistake, and not silently ignored.
#[command(
    mut_arg("config", |arg| arg.requires("check")),
    mut_arg("dns", |arg| arg.requires("check")),
    mut_arg("ca_file", |arg| arg.requires("check")),
    mut_arg("https_port", |arg| arg.requires("check")),
    mut_arg("smtp_port", |arg| arg.requires("check"))
)]
pub(super) struct Html {
    #[command(flatten)]
    sources: Sources,
    /// Write the page to this file, instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show this domain alone; may be given more than once
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// Also check what is served now, as `mtasts check` does, and use the result in the answer
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    network: Network,
}

impl Html {
    pub(super) async fn run(self) -> Exit {
        let overview = self.sources.read();
        let names = overview.domains().into_iter().map(|domain| domain.name);
        let is_wanted =
            |name: &String| self.domain.is_empty() || self.domain.iter().any(|own| is_same(own, name));
        let names: Vec<String> = names.filter(is_wanted).take(Page::MAX_DOMAINS).collect();
        let mut page = Page::new(&overview, now());
        if !self.domain.is_empty() {
            if names.is_empty() {
                anstream::eprintln!("mtasts: no report is about such a domain");
                return Exit::NoInput;
            }
            page = names.iter().fold(page, |page, name| page.with_domain(name));
        }
        if self.check {
            let check = match LiveCheck::new(&self.network) {
                Ok(check) => check,
                Err((exit, what)) => {
                    anstream::eprintln!("mtasts: {what}");
                    return exit;
                }
            };
            for name in &names {
                let Ok(domain) = PolicyDomain::parse(name) else { continue };
                page = page.with_live_findings(name, check.look_at(&domain).await.live_findings());
            }
        }
        if let Err(error) = write(self.output.as_deref(), &page.to_html()) {
            let file = self.output.as_deref().unwrap_or(Path::new("-"));
            anstream::eprintln!("mtasts: {}: {error}", file.display());
            return Exit::Temporary;
        }
        if let Some(block) = unreadable_block(&overview) {
            // The page has it, too.
            let _ = block.print_to_stderr();
        }
        exit_of(&overview)
    }
}

/// Writes the page; a file is replaced as a whole or not at all.
pub(in crate::command) fn write(file: Option<&Path>, html: &str) -> io::Result<()> {
    let Some(file) = file.filter(|file| file.as_os_str() != "-") else {
        let mut out = io::stdout().lock();
        out.write_all(html.as_bytes())?;
        return out.flush();
    };
    // What is no file, such as /dev/stdout, has nothing that could be half new.
    if fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(file, html);
    }
    let mut name = file.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = file.with_file_name(name);
    let written = fs::write(&beside, html).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // It may not be there at all.
        let _ = fs::remove_file(&beside);
    }
    written
}
