use std::fmt;

use crate::tls::printable;

/// A server's reply (RFC 5321, 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpReply {
    code: u16,
    lines: Vec<String>,
}

impl SmtpReply {
    /// The three digits, from 200 to 559.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code at the start of the text, such as `5.7.10` (RFC 2034).
    pub fn enhanced_code(&self) -> Option<&str> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut parts = word.split('.');
        let class = parts.next()?;
        let is_class = matches!(class, "2" | "4" | "5") && class.parse() == Ok(self.code / 100);
        let is_number =
            |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_code = is_class
            && parts.next().is_some_and(is_number)
            && parts.next().is_some_and(is_number)
            && parts.next().is_none();
        is_code.then_some(word)
    }

    /// The lines of the text, at least one. Each is truncated after 512 characters, and has no control
    /// characters.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Parses lines without line ends; `None` if they are not a reply.
    pub(super) fn parse(lines: &[Vec<u8>]) -> Option<Self> {
        let code = code_of(lines.first()?)?;
        let mut text = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let is_last = index + 1 == lines.len();
            let separator_fits = match line.get(3) {
                Some(b'-') => !is_last,
                Some(b' ') | None => is_last,
                Some(_) => false,
            };
            if code_of(line) != Some(code) || !separator_fits {
                return None;
            }
            text.push(printable(&String::from_utf8_lossy(line.get(4..).unwrap_or_default())));
        }
        Some(Self { code, lines: text })
    }
}

/// The code and the text in one line.
impl fmt::Display for SmtpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" "))
    }
}

fn code_of(line: &[u8]) -> Option<u16> {
    match line {
        [first @ b'2'..=b'5', second @ b'0'..=b'5', third @ b'0'..=b'9', ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            Some(digit(first) * 100 + digit(second) * 10 + digit(third))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Option<SmtpReply> {
        SmtpReply::parse(&lines.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn replies() {
        let reply = parse(&["550-5.7.1 no", "550 \x1b[31m5.7.1 never\u{7}"]).unwrap();
        assert_eq!(reply.to_string(), "550 5.7.1 no [31m5.7.1 never");
        assert_eq!((reply.code(), reply.enhanced_code()), (550, Some("5.7.1")));
        assert_eq!(parse(&["250"]).unwrap().lines(), [""]);
        assert_eq!(parse(&[&format!("220 {}", "x".repeat(2000))]).unwrap().lines()[0].len(), 512);
    }

    #[test]
    fn other_text_is_no_reply() {
        for lines in
            [&[][..], &[""], &["25"], &["hello"], &["2500 x"], &["150 x"], &["260 x"], &["250-a", "251 b"]]
        {
            assert_eq!(parse(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn enhanced_codes() {
        for (line, expected) in [
            ("454 4.7.0 later", Some("4.7.0")),
            ("550 4.7.0 another class", None),
            ("550 5.7", None),
            ("550 5.7.1.1 x", None),
            ("550 5.7.1000 x", None),
            ("354 3.0.0 go", None),
            ("550 no such user", None),
        ] {
            assert_eq!(parse(&[line]).unwrap().enhanced_code(), expected, "{line}");
        }
    }
}
