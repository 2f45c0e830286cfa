use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};
use core::net::{Ipv4Addr, Ipv6Addr};

use percent_encoding::percent_decode_str;

use crate::field::is_white_space;
use crate::name::DnsName;

/// A destination of TLS reports (RFC 8460, 3).
///
/// ```
/// use mta_sts_core::tlsrpt::{ReportUri, TlsrptRecord};
///
/// let record = TlsrptRecord::parse(b"v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example/v1?key=7")?;
/// for uri in record.uris() {
///     match uri {
///         ReportUri::Mailto { address, .. } => println!("send it by mail to {address}"),
///         ReportUri::Https { url, .. } => println!("POST it to {url}"),
///         _ => {}
///     }
/// }
/// # assert_eq!(record.uris().len(), 2);
/// # Ok::<(), mta_sts_core::tlsrpt::TlsrptRecordError>(())
/// ```
///
/// It can only be obtained from a record. Its [`Display`](fmt::Display) is a URI as allowed in a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReportUri {
    /// `mailto:`, without the header fields that may follow the address.
    #[non_exhaustive]
    Mailto {
        /// A single percent-decoded address: local part, `@`, domain in lower case and A-labels.
        ///
        /// It contains no white space and no control characters, so it can be used in a header field. A local
        /// part that needs quotes is quoted (RFC 5321, 4.1.2). One with non-ASCII characters needs SMTPUTF8.
        address: Box<str>,
    },
    /// `https:`.
    #[non_exhaustive]
    Https {
        /// The URL: scheme and host in lower case, the rest as received, without fragment.
        ///
        /// The host is whatever the record contains, even a loopback address: the client that connects decides
        /// whether this is allowed.
        url: Box<str>,
    },
}

/// The reason why a URI of a `rua` is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UriFault {
    /// A URI is empty: there is nothing between two commas.
    Empty,
    /// `!` must be percent-encoded.
    ExclamationMark,
    WhiteSpace,
    /// A character that is not allowed in a URI, or `%` without two hexadecimal digits.
    BadCharacter,
    NoScheme,
    OtherScheme,
    BadAddress,
    BadUrl,
}

impl ReportUri {
    /// Parses one URI of a `rua`, already trimmed.
    pub(crate) fn read(uri: &[u8]) -> Result<Self, UriFault> {
        check_characters(uri)?;
        let uri = core::str::from_utf8(uri).map_err(|_| UriFault::BadCharacter)?;
        let (scheme, rest) =
            uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).ok_or(UriFault::NoScheme)?;
        if scheme.eq_ignore_ascii_case("mailto") {
            // Header fields and a fragment are for interactive use.
            let to = rest.split(['?', '#']).next().unwrap_or_default();
            let address = address(&Cow::from(percent_decode_str(to))).ok_or(UriFault::BadAddress)?;
            Ok(Self::Mailto { address: address.into() })
        } else if scheme.eq_ignore_ascii_case("https") {
            Ok(Self::Https { url: url(rest).ok_or(UriFault::BadUrl)?.into() })
        } else {
            Err(UriFault::OtherScheme)
        }
    }

    /// The host that receives the reports: the domain of the address, or the host of the URL.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::TlsrptRecord;
    ///
    /// let record = TlsrptRecord::parse(b"v=TLSRPTv1; rua=mailto:tls@Example.com,https://r.example:8443/")?;
    /// let hosts: Vec<_> = record.uris().iter().map(|uri| uri.host()).collect();
    /// assert_eq!(hosts, ["example.com", "r.example"]);
    /// # Ok::<(), mta_sts_core::tlsrpt::TlsrptRecordError>(())
    /// ```
    ///
    /// An IPv6 address is enclosed in brackets.
    pub fn host(&self) -> &str {
        match self {
            Self::Mailto { address } => address.rsplit('@').next().unwrap_or_default(),
            Self::Https { url } => {
                let authority = url.split('/').nth(2).unwrap_or_default();
                let authority = authority.split('?').next().unwrap_or_default();
                match authority.rfind(']') {
                    Some(end) => &authority[..=end],
                    None => authority.split(':').next().unwrap_or_default(),
                }
            }
        }
    }
}

impl fmt::Display for ReportUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https { url } => formatter.write_str(url),
            Self::Mailto { address } => {
                formatter.write_str("mailto:")?;
                for octet in address.bytes() {
                    match octet {
                        b'@' | b'+' | b'=' => formatter.write_char(octet.into())?,
                        _ if is_unreserved(octet) => formatter.write_char(octet.into())?,
                        _ => write!(formatter, "%{octet:02X}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

fn check_characters(uri: &[u8]) -> Result<(), UriFault> {
    if uri.is_empty() {
        return Err(UriFault::Empty);
    }
    for (at, octet) in uri.iter().enumerate() {
        match octet {
            b'!' => return Err(UriFault::ExclamationMark),
            _ if is_white_space(*octet) => return Err(UriFault::WhiteSpace),
            b'%' if !uri[at + 1..].get(..2).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)) => {
                return Err(UriFault::BadCharacter);
            }
            b'%' | b':' | b'/' | b'?' | b'#' | b'[' | b']' | b'@' | b'$' | b'&' | b'\'' | b'(' | b')'
            | b'*' | b'+' | b'=' => {}
            _ if is_unreserved(*octet) => {}
            _ => return Err(UriFault::BadCharacter),
        }
    }
    Ok(())
}

/// The unreserved characters of RFC 3986, 2.3.
const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
}

/// The longest local part (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_PART_LEN: usize = 64;

/// A single mail address, usable in a header field.
fn address(octets: &[u8]) -> Option<String> {
    let (local_part, domain) = core::str::from_utf8(octets).ok()?.rsplit_once('@')?;
    if local_part.len() > MAX_LOCAL_PART_LEN || !local_part.chars().all(may_stand_in_local_part) {
        return None;
    }
    let domain = DnsName::parse(domain).ok()?;
    if is_dot_atom(local_part) || is_quoted(local_part) {
        Some(format!("{local_part}@{domain}"))
    } else if local_part.is_empty() || local_part.contains(['"', '\\', '@']) || local_part.starts_with("//") {
        // Two `@` are two addresses, two slashes are the start of a URL.
        None
    } else {
        Some(format!("\"{local_part}\"@{domain}"))
    }
}

/// Excludes white space and control characters, which could end the header field, and characters that change
/// how the surrounding text is displayed.
fn may_stand_in_local_part(char: char) -> bool {
    if char.is_ascii() { char.is_ascii_graphic() } else { char.is_alphanumeric() }
}

/// Dot-string of RFC 5321, 4.1.2, and RFC 6531, 3.3. Leading slashes come from a mistaken `mailto://`.
fn is_dot_atom(local_part: &str) -> bool {
    let is_atom_char =
        |char: char| char.is_alphanumeric() || (char.is_ascii_graphic() && !"()<>[]:;@\\,.\"".contains(char));
    !local_part.starts_with("//")
        && local_part.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

/// Quoted-string of RFC 5321, 4.1.2.
fn is_quoted(local_part: &str) -> bool {
    let Some(inner) = local_part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        if char == '"' || (char == '\\' && chars.next().is_none()) {
            return false;
        }
    }
    !inner.is_empty()
}

/// The URL, from the text after `https:`.
fn url(rest: &str) -> Option<String> {
    let rest = rest.strip_prefix("//")?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host_end = authority.rfind(']').map_or_else(|| authority.find(':'), |at| Some(at + 1));
    let (host, port) = authority.split_at(host_end.unwrap_or(authority.len()));
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => format!("[{}]", address.parse::<Ipv6Addr>().ok()?),
        None => match host.parse::<Ipv4Addr>() {
            Ok(address) => format!("{address}"),
            Err(_) => format!("{}", DnsName::parse(host).ok()?),
        },
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some(format!("https://{host}{path}")),
        Some("") => Some(format!("https://{host}{path}")),
        Some(digits) if digits.bytes().all(|octet| octet.is_ascii_digit()) => {
            Some(format!("https://{host}:{}{path}", digits.parse::<u16>().ok().filter(|port| *port > 0)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    fn read(uri: &str) -> Result<String, UriFault> {
        ReportUri::read(uri.as_bytes()).map(|uri| match uri {
            ReportUri::Mailto { address } => address.into(),
            ReportUri::Https { url } => url.into(),
        })
    }

    // Proves R5, A38.
    #[test]
    fn an_address_can_stand_in_a_header_field() {
        for (uri, address) in [
            ("mailto:tls@example.com", "tls@example.com"),
            ("MailTo:tls@EXAMPLE.com.", "tls@example.com"),
            ("mailto:tls%2Breports@example.com", "tls+reports@example.com"),
            ("mailto:tls@example.com?subject=a%0d%0ab&to=c@d", "tls@example.com"),
            ("mailto:a%2Cb@x", "\"a,b\"@x"),
            ("mailto:a%21b@x", "a!b@x"),
            ("mailto:a..b@x", "\"a..b\"@x"),
            ("mailto:%22a%2Cb%22@x", "\"a,b\"@x"),
            ("mailto:%22a%40b%22@x", "\"a@b\"@x"),
            ("mailto:a%5Cb@x", "BadAddress"),
            ("mailto:a@x%0D%0ABcc:%20b@y", "BadAddress"),
            ("mailto:a%0D%0ABcc:b@y", "BadAddress"),
            ("mailto:a%00@y", "BadAddress"),
            ("mailto:a%20b@y", "BadAddress"),
            ("mailto:%22a%20b%22@y", "BadAddress"),
            ("mailto:a@x%2Cb@y", "BadAddress"),
            ("mailto:a%e2%80%aeb@y", "BadAddress"),
            ("mailto:a%ff@y", "BadAddress"),
            ("mailto://a@y", "BadAddress"),
            ("mailto:@y", "BadAddress"),
            ("mailto:", "BadAddress"),
            ("mailto:a@192.0.2.1", "BadAddress"),
            ("mailto:%22@x", "BadAddress"),
            ("mailto:%22a%5C%22@x", "BadAddress"),
            ("mailto:%C3%A9@x", "\u{e9}@x"),
        ] {
            let shown = read(uri).unwrap_or_else(|fault| format!("{fault:?}"));
            assert_eq!(shown, address, "{uri}");
        }
        assert_eq!(read(&format!("mailto:{}@x", "a".repeat(65))), Err(UriFault::BadAddress));
    }

    #[test]
    fn a_url_has_a_host_and_nobody_s_password() {
        for (uri, url) in [
            ("https://R.example", "https://r.example"),
            ("HTTPS://r.example:443/A?b=%2C#c", "https://r.example:443/A?b=%2C"),
            ("https://r.example:/a", "https://r.example/a"),
            ("https://192.0.2.1/", "https://192.0.2.1/"),
            ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
            ("https:r.example", "BadUrl"),
            ("https:///a", "BadUrl"),
            ("https://a:b@r.example/", "BadUrl"),
            ("https://r.example:99999/", "BadUrl"),
            ("https://r.example:0/", "BadUrl"),
            ("https://r.example:8x/", "BadUrl"),
            ("https://[::1", "BadUrl"),
        ] {
            let shown = read(uri).unwrap_or_else(|fault| format!("{fault:?}"));
            assert_eq!(shown, url, "{uri}");
        }
    }

    // Proves R5, R6.
    #[test]
    fn what_is_no_uri_of_a_report_is_told_apart() {
        for (uri, fault) in [
            ("", UriFault::Empty),
            ("mailto:a@b!10m", UriFault::ExclamationMark),
            ("mailto:a@b c", UriFault::WhiteSpace),
            ("mailto:a@b\u{1}", UriFault::BadCharacter),
            ("mailto:a%4@b", UriFault::BadCharacter),
            ("mailto:\u{e9}@b", UriFault::BadCharacter),
            ("<mailto:a@b>", UriFault::BadCharacter),
            ("postmaster@example.com", UriFault::NoScheme),
            ("//r.example/", UriFault::NoScheme),
            (":a", UriFault::NoScheme),
            ("http://r.example/", UriFault::OtherScheme),
            ("ftp://r.example/", UriFault::OtherScheme),
        ] {
            assert_eq!(read(uri), Err(fault), "{uri}");
        }
    }

    #[test]
    fn a_uri_is_written_so_that_it_reads_the_same() {
        for uri in ["mailto:a%2Cb@x", "mailto:a%21b%25@x", "mailto:%C3%A9@x", "https://[::1]:1/a%2Cb?c"] {
            let uri = ReportUri::read(uri.as_bytes()).unwrap();
            assert_eq!(ReportUri::read(uri.to_string().as_bytes()), Ok(uri));
        }
    }

    #[test]
    fn the_host_is_found_in_each() {
        for (uri, host) in [
            ("mailto:%22a%40b%22@x", "x"),
            ("https://r.example?a:b", "r.example"),
            ("https://[::1]:1/a]", "[::1]"),
            ("https://192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(ReportUri::read(uri.as_bytes()).unwrap().host(), host, "{uri}");
        }
    }
}
