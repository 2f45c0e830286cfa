use std::future::Future;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use console::Term;
use indicatif::{ProgressBar, ProgressStyle};
use mta_sts_reporter::Span;
use tokio::time::{sleep, timeout};

/// The meaning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Note,
    Bad,
}

impl Tone {
    pub(crate) const fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Good => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green))),
            Self::Note => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow))),
            Self::Bad => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))),
        }
    }
}

/// Lines below a title, with labels in a column, wrapped to the terminal.
#[derive(Debug, Default)]
pub(crate) struct Block {
    title: String,
    verdict: Option<(Tone, String)>,
    lines: Vec<(String, Tone, String)>,
}

impl Block {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: printable(title), ..Self::default() }
    }

    /// A title followed by a verdict.
    pub(crate) fn with_verdict(title: &str, tone: Tone, verdict: &str) -> Self {
        Self { verdict: Some((tone, printable(verdict))), ..Self::new(title) }
    }

    pub(crate) fn line(&mut self, label: &str, tone: Tone, text: impl AsRef<str>) {
        self.lines.push((printable(label), tone, printable(text.as_ref())));
    }

    /// Adds an empty line between two parts.
    pub(crate) fn space(&mut self) {
        self.line("", Tone::Plain, "");
    }

    /// Prints an empty line between two blocks.
    pub(crate) fn gap() -> io::Result<()> {
        writeln!(anstream::stdout())
    }

    /// Prints with colours only on a terminal that supports them.
    pub(crate) fn print(&self) -> io::Result<()> {
        self.write(&mut anstream::stdout().lock(), width())
    }

    /// Prints where what was asked for goes elsewhere.
    pub(crate) fn print_to_stderr(&self) -> io::Result<()> {
        self.write(&mut anstream::stderr().lock(), width())
    }

    fn write(&self, out: &mut impl Write, width: usize) -> io::Result<()> {
        let bold = Style::new().bold();
        match &self.verdict {
            None => writeln!(out, "{bold}{}{bold:#}", self.title)?,
            Some((tone, verdict)) => {
                let style = tone.style().bold();
                let whole = format!("{}: {verdict}", self.title);
                let lines = wrapped(&whole, width, 0);
                let (first, others) =
                    lines.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
                match first.strip_prefix(self.title.as_str()) {
                    Some(rest) => writeln!(out, "{bold}{}{bold:#}{style}{rest}{style:#}", self.title)?,
                    None => writeln!(out, "{bold}{first}{bold:#}")?,
                }
                for line in others {
                    writeln!(out, "{style}{line}{style:#}")?;
                }
            }
        }
        for (label, tone, text) in &self.lines {
            let style = tone.style();
            if label.is_empty() && text.is_empty() {
                writeln!(out)?;
                continue;
            }
            for (place, line) in wrapped(text, width, INDENT).iter().enumerate() {
                let label = if place == 0 { label.as_str() } else { "" };
                writeln!(out, "  {label:<LABEL$}{style}{line}{style:#}")?;
            }
        }
        out.flush()
    }
}

/// The lines of a text, none wider than `width` less the indent, except for single words that are wider.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let options = textwrap::Options::new(width.saturating_sub(indent).max(MIN_WIDTH))
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// The width of the terminal, 80 if there is none.
pub(crate) fn width() -> usize {
    let columns = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    columns.unwrap_or(80).clamp(MIN_WIDTH, MAX_WIDTH)
}

/// The same for output that programs search line by line, as they do with compiler messages: without a terminal there
/// is no limit.
pub(crate) fn terminal_width() -> usize {
    if Term::stdout().is_term() { width() } else { usize::from(u16::MAX) }
}

const LABEL: usize = 8;
const INDENT: usize = 2 + LABEL;
const MIN_WIDTH: usize = 40;
/// Longer lines are hard to read.
const MAX_WIDTH: usize = 120;

/// Prints a line on its own.
pub(crate) fn print_row(label: &str, tone: Tone, text: &str) -> io::Result<()> {
    let style = tone.style();
    writeln!(anstream::stdout(), "{}{style}{}{style:#}", printable(label), printable(text))
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &serde_json::Value) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{value:#}")?;
    out.flush()
}

/// Waits, and shows progress on the terminal if it takes longer than a second.
pub(crate) async fn with_progress<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = timeout(Duration::from_secs(1), &mut work).await {
        return done;
    }
    // Draws on standard error, and only if that is a terminal.
    let spinner = ProgressBar::new_spinner().with_message(printable(what));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    let ticks = async {
        loop {
            spinner.tick();
            sleep(Duration::from_millis(100)).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        never = ticks => never,
    };
    spinner.finish_and_clear();
    done
}

/// Text from the network or from a file, without anything that a terminal would interpret: control characters, and
/// those that change the writing direction.
pub(crate) fn printable(text: &str) -> String {
    let obeyed = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| if obeyed(character) { char::REPLACEMENT_CHARACTER } else { character })
        .collect()
}

/// A span of time in its two largest units.
pub(crate) fn span(span: Duration) -> String {
    Span(span).to_string()
}

/// Seconds since 1970 in the form of RFC 3339; as a number if it is beyond the calendar.
pub(crate) fn date(seconds: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(seconds).map_or_else(
        |_| seconds.to_string(),
        |at| format!("{}T{:02}:{:02}:{:02}Z", at.date(), at.hour(), at.minute(), at.second()),
    )
}

/// The same for a time that is never before 1970.
pub(crate) fn time(seconds: u64) -> String {
    date(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_within_its_width() {
        let mut block = Block::with_verdict("recipient.test", Tone::Bad, &"not protected ".repeat(8));
        block.line("policy", Tone::Plain, "words ".repeat(40));
        block.line(
            "",
            Tone::Plain,
            "https://mta-sts.a-name-that-no-line-can-break.recipient.test/mta-sts.txt",
        );
        block.space();
        let mut out = Vec::new();
        block.write(&mut anstream::StripStream::new(&mut out), 60).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("recipient.test: not protected"), "{text}");
        assert!(text.lines().any(|line| line.starts_with("  policy  words words")), "{text}");
        assert!(text.lines().any(|line| line.starts_with("          https://")), "{text}");
        for line in text.lines().filter(|line| !line.contains("https://")) {
            assert!(line.trim_end().len() <= 60, "{line}");
        }
    }

    #[test]
    fn a_terminal_is_told_nothing_by_strangers() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b\n"), "a\u{fffd}[31m\u{fffd}b\u{fffd}");
    }

    #[test]
    fn dates_are_those_of_rfc_3339() {
        assert_eq!(date(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(date(i64::MAX), i64::MAX.to_string());
    }
}
