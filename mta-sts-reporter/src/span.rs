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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (300, "5 minutes"),
            (604_800, "7 days"),
            (90_061, "1 day 1 hour"),
            (86_401, "1 day"),
        ] {
            assert_eq!(Span(Duration::from_secs(seconds)).to_string(), words);
        }
    }
}
