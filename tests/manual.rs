//! The manual pages of texts that are no `--help`: the configuration of the daemon, and the vectors.
//!
//! `UPDATE=1 cargo test -p mta-sts-tests --test manual` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mta_sts_tests::root;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// When the text last changed for readers. A page of today's date would differ every day.
const DATE: &str = "2026-11-28";
const FOLDER: &str = "mtasts/packaging/man";

#[test]
fn the_page_of_the_configuration_is_its_reference() {
    let text = read("docs/serve.md");
    let chapters = text
        .split("\n## ")
        .filter(|chapter| ["Configuration\n", "Overrides\n"].iter().any(|title| chapter.starts_with(title)));
    let text: String = chapters.flat_map(|chapter| ["## ", chapter, "\n"]).collect();
    let page = page("mtasts.toml", "5", "configuration of mtasts serve", &text, &["mtasts-serve(8)"]);
    compare("mtasts.toml.5", &page);
}

#[test]
fn the_page_of_the_vectors_is_their_description() {
    let text = read("tests/vectors/README.md");
    let (_, text) = text.split_once("# The vectors\n").expect("the title");
    let text = format!("## Description\n{text}");
    let page = page(
        "mtasts-vectors",
        "7",
        "test vectors for MTA-STS and TLSRPT",
        &text,
        &["mtasts(1)", "mtasts(3)"],
    );
    compare("mtasts-vectors.7", &page);
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect(file)
}

fn compare(name: &str, page: &str) {
    let file = root().join(FOLDER).join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, page).expect("the page can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == page,
        "{} differs from its text: UPDATE=1 cargo test -p mta-sts-tests --test manual",
        Path::new(FOLDER).join(name).display()
    );
}

fn page(name: &str, section: &str, about: &str, markdown: &str, others: &[&str]) -> String {
    let title = name.to_uppercase();
    let version = env!("CARGO_PKG_VERSION");
    let mut page = Page {
        text: format!(
            ".TH {title} {section} {DATE} \"mtasts {version}\" MTA-STS\n.SH NAME\n{name} \\- {about}\n"
        ),
        ..Page::default()
    };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        page.add(&event);
    }
    let _ = write!(page.text, ".SH SEE ALSO\n{}\n", others.join(",\n"));
    page.text.replace("mtasts-", "mtasts\\-")
}

/// A page in the macros of man(7), made of the events of a Markdown parser.
#[derive(Default)]
struct Page {
    text: String,
    /// The text of the paragraph, the heading or the cell that is open.
    line: String,
    cells: Vec<String>,
    is_after_heading: bool,
    /// In a list the first paragraph of an item has no macro of its own.
    items: usize,
    links: Vec<String>,
}

impl Page {
    fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Text(text) => self.line.push_str(&escape(text)),
            Event::Code(text) => {
                let _ = write!(self.line, "\\fB{}\\fR", escape(text));
            }
            Event::SoftBreak => self.line.push(' '),
            Event::Start(Tag::Strong | Tag::Emphasis) => self.line.push_str("\\fI"),
            Event::End(TagEnd::Strong | TagEnd::Emphasis) => self.line.push_str("\\fR"),
            // A page of another folder is none of this system: its text stays, its address goes.
            Event::Start(Tag::Link { dest_url, .. }) => self.links.push(dest_url.to_string()),
            Event::End(TagEnd::Link) => drop(self.links.pop()),
            Event::End(TagEnd::Heading(level)) => {
                let line = std::mem::take(&mut self.line);
                let heading = if *level == HeadingLevel::H2 {
                    format!(".SH {}", line.to_uppercase())
                } else {
                    format!(".SS {line}")
                };
                let _ = writeln!(self.text, "{heading}");
            }
            // The name of a table of the configuration, with what it is about, is the heading of its keys.
            Event::End(TagEnd::Paragraph) if self.line.starts_with("\\fB[") && self.line.ends_with(':') => {
                let line = std::mem::take(&mut self.line);
                self.text.truncate(self.text.trim_end_matches(".PP\n").len());
                let _ = writeln!(self.text, ".SS {}", line.trim_end_matches(':'));
            }
            Event::Start(Tag::List(_)) | Event::End(TagEnd::Paragraph) => self.close(),
            Event::Start(Tag::Item) => {
                self.items += 1;
                self.text.push_str(".IP \\(bu 2\n");
            }
            Event::End(TagEnd::Item) => {
                self.close();
                self.items -= 1;
            }
            Event::Start(Tag::Paragraph) if self.items == 0 && !self.is_after_heading => {
                self.text.push_str(".PP\n");
            }
            Event::Start(Tag::CodeBlock(_)) => {
                self.text.push_str(".PP\n.nf\n.RS 4\n");
            }
            Event::End(TagEnd::CodeBlock) => {
                let line = std::mem::take(&mut self.line);
                let _ = write!(self.text, "{}.RE\n.fi\n", protect(&line));
            }
            // The columns need no names: the first is the word, the last its meaning.
            Event::End(TagEnd::TableHead) => self.cells.clear(),
            Event::End(TagEnd::TableCell) => {
                let cell = std::mem::take(&mut self.line);
                self.cells.push(cell);
            }
            Event::End(TagEnd::TableRow) => self.add_row(),
            Event::Start(
                Tag::Heading { .. }
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell
                | Tag::Paragraph,
            )
            | Event::End(TagEnd::List(_) | TagEnd::Table) => {}
            other => panic!("a manual page cannot show {other:?}"),
        }
        self.is_after_heading = matches!(event, Event::End(TagEnd::Heading(_)));
    }

    fn add_row(&mut self) {
        let cells = std::mem::take(&mut self.cells);
        let (word, rest) = cells.split_first().expect("a table has columns");
        let (meaning, between) = rest.split_last().expect("a table has two columns");
        let between: Vec<String> =
            between.iter().filter(|cell| !cell.is_empty()).map(|cell| format!(" ({cell})")).collect();
        let _ = writeln!(self.text, ".TP\n{word}{}\n{}", between.concat(), protect(meaning));
    }

    fn close(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let _ = writeln!(self.text, "{}", protect(&line));
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// Keeps a dot or a quote at the beginning of a line from being read as a macro.
fn protect(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() })
        .collect();
    lines.join("\n")
}
