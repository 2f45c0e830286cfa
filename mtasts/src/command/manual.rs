//! The manual pages of the command and its subcommands: the text of `--help`, in the sections of a manual page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::Arguments;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/man");
/// When the text last changed for readers. A page of today's date would differ every day.
const DATE: &str = "2026-11-28";
/// The pages of other texts that each page names, beside those of the commands above and below it.
const OTHERS: &[(&str, &[&str])] = &[
    ("mtasts", &["mtasts.toml(5)", "mtasts-vectors(7)", "mtasts(3)"]),
    ("mtasts-serve", &["mtasts.toml(5)", "mtasts-cache(1)", "mtasts-explain(1)"]),
    ("mtasts-cache", &["mtasts-serve(8)"]),
    ("mtasts-explain", &["mtasts-serve(8)"]),
    ("mtasts-report", &["mtasts-serve(8)"]),
    ("mtasts-publish", &["mtasts-report(1)"]),
    ("mtasts-publish-serve", &["mtasts-report(1)", "mtasts-lint(1)"]),
    ("mtasts-publish-watch", &["mtasts-check(1)", "mtasts-report(1)"]),
];

#[test]
fn the_manual_pages_are_what_help_says() {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut pages = BTreeMap::new();
    add_pages(&command, None, &mut pages);
    for (name, page) in &pages {
        let file = Path::new(FOLDER).join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, page).unwrap();
        }
        assert!(
            fs::read_to_string(&file).unwrap_or_default() == *page,
            "{} differs from --help: UPDATE=1 cargo test -p mtasts --bin mtasts manual",
            file.display()
        );
    }
}

fn add_pages(command: &Command, above: Option<&Command>, pages: &mut BTreeMap<String, String>) {
    let mut page = Vec::new();
    render(command, above, &mut page).unwrap();
    let page = tidy(&String::from_utf8(page).unwrap());
    pages.insert(format!("{}.{}", name(command), section(command)), page);
    for subcommand in subcommands(command) {
        add_pages(subcommand, Some(command), pages);
    }
}

fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn section(command: &Command) -> &'static str {
    if ["mtasts-serve", "mtasts-publish-serve", "mtasts-publish-watch"].contains(&name(command)) {
        "8"
    } else {
        "1"
    }
}

fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

fn render(command: &Command, above: Option<&Command>, page: &mut Vec<u8>) -> io::Result<()> {
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    // The first paragraph is in the section NAME already.
    let mut paragraphs: Vec<&str> = long.split("\n\n").skip(1).collect();
    let status = paragraphs.iter().position(|paragraph| paragraph.starts_with("Exit status: "));
    let status = status.map(|place| paragraphs.remove(place));
    let has_description = !paragraphs.is_empty();

    let man = Man::new(command.clone().long_about(paragraphs.join("\n\n")))
        .title(name(command).to_uppercase())
        .section(section(command))
        .date(DATE)
        .source(format!("mtasts {}", env!("CARGO_PKG_VERSION")))
        .manual("MTA-STS");
    man.render_title(page)?;
    man.render_name_section(page)?;
    page.extend_from_slice(synopsis(command).as_bytes());
    if has_description {
        man.render_description_section(page)?;
    }
    man.render_options_section(page)?;
    if subcommands(command).next().is_some() {
        man.render_subcommands_section(page)?;
    }
    if let Some(status) = status {
        page.extend_from_slice(exit_status(status).as_bytes());
    }
    page.extend_from_slice(see_also(command, above).as_bytes());
    Ok(())
}

/// As the first lines of `--help` have it: dozens of options are listed below, and not here.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let mut text = ".SH SYNOPSIS\n.nf\n".to_owned();
    for line in usage.trim_start_matches("Usage: ").lines() {
        // Names and options are bold.
        let words = line.split_whitespace().map(|word| {
            let escaped = word.replace('-', "\\-");
            let is_name = word.starts_with("--") || word.chars().all(|sign| sign.is_ascii_lowercase());
            if is_name { format!("\\fB{escaped}\\fR") } else { escaped }
        });
        let _ = writeln!(text, "{}", words.collect::<Vec<_>>().join(" "));
    }
    text.push_str(".fi\n");
    text
}

/// `Exit status: 0 success; 1 the answer is no.` as a list.
fn exit_status(paragraph: &str) -> String {
    let mut text = ".SH EXIT STATUS\n".to_owned();
    for entry in paragraph.trim_start_matches("Exit status: ").trim_end_matches('.').split("; ") {
        let (number, meaning) = entry.split_once(' ').unwrap();
        assert!(number.parse::<u8>().is_ok(), "no exit status: {entry}");
        let _ = writeln!(text, ".TP 4\n{number}\n{}", meaning.replace('-', "\\-"));
    }
    text
}

fn see_also(command: &Command, above: Option<&Command>) -> String {
    let mut pages: Vec<String> = above
        .into_iter()
        .chain(subcommands(command))
        .map(|command| format!("{}({})", name(command), section(command)))
        .collect();
    let others = OTHERS.iter().filter(|(page, _)| *page == name(command));
    pages.extend(others.flat_map(|(_, others)| *others).map(|&page| page.to_owned()));
    let pages: Vec<String> = pages
        .iter()
        .map(|page| {
            let (name, section) = page.split_once('(').unwrap();
            format!("\\fB{}\\fR({section}", name.replace('-', "\\-"))
        })
        .collect();
    format!(".SH SEE ALSO\n{}\n", pages.join(",\n"))
}

/// Without what has no effect: blanks at the ends of lines, breaks beside empty lines, and definitions made twice.
fn tidy(page: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in page.lines().map(str::trim_end) {
        let is_defined = line.contains(" .ds Aq ") || line.starts_with(".el .ds Aq ");
        match lines.last() {
            Some(&".sp") if line == ".br" => {}
            _ if is_defined && lines.contains(&line) => {}
            Some(&".br") if line.is_empty() => {
                lines.pop();
                lines.push(".sp");
            }
            _ => lines.push(if line.is_empty() { ".sp" } else { line }),
        }
    }
    // There is one page for both forms of the help.
    let lines: Vec<_> = lines
        .iter()
        .map(|line| line.strip_suffix(" (see a summary with \\*(Aq\\-h\\*(Aq)").unwrap_or(line))
        .collect();
    // The library takes all pages of commands for those of section 1.
    lines.join("\n").replace("mtasts\\-serve(1)", "mtasts\\-serve(8)") + "\n"
}
