use std::fmt;
use std::time::Duration;

/// A span of time in its two largest units, displayed as `7 days 2 hours`.
///
/// ```
/// use std::time::Duration;
///
/// use mta_sts_reporter::Span;
///
/// assert_eq!(Span(Duration::from_secs(90)).to_string(), "1 minute 30 seconds");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [
            (seconds / 86_400, "day"),
            (seconds / 3600 % 24, "hour"),
            (seconds / 60 % 60, "minute"),
            (seconds % 60, "second"),
        ];
        let words: Vec<_> = units
            .iter()
            .skip_while(|(count, _)| *count == 0)
            .take(2)
            .filter(|(count, _)| *count > 0)
            .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        formatter.pad(&if words.is_empty() { "0 seconds".to_owned() } else { words.join(" ") })
    }
}
