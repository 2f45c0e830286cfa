//! The policy of a domain (RFC 8461, 3.2).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::iter::FusedIterator;
use core::str::FromStr;
use core::time::Duration;

use smallvec::SmallVec;

use crate::error::{PolicyError, PolicyErrorKind};
use crate::field::{self, is_white_space};
use crate::mx::{MxPattern, PatternText, after_first_label};
use crate::name::{DnsName, read_name};
use crate::octets::{marks_below, marks_equal, next_marked};

/// A policy: which MX hosts may receive the domain's mail, and how strictly this is applied.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{Mode, Policy};
///
/// let policy = Policy::parse(
///     b"version: STSv1\n\
///       mode: enforce\n\
///       mx: mail.example.com\n\
///       mx: *.example.net\n\
///       max_age: 604800\n",
/// )?;
/// assert_eq!(policy.mode(), Mode::Enforce);
/// assert_eq!(policy.max_age(), Duration::from_secs(604_800));
/// assert!(policy.matches_mx("MX7.example.net."));
/// assert!(!policy.matches_mx("mx.attacker.example"));
/// # Ok::<(), mta_sts_core::PolicyError>(())
/// ```
///
/// A match alone is not permission to deliver: in modes testing and none a host that does not match still gets the
/// mail. [`Delivery`](crate::Delivery) applies the modes.
///
/// A policy is reference-counted, so a clone is cheap. It keeps the text as it was received, since TLSRPT reports its
/// lines (RFC 8460, 4.4). In all it takes at most 2.5 times the size of its text plus 200 octets, also during parsing.
#[derive(Clone)]
pub struct Policy(Arc<Content>);

/// The mode of a policy: what its owner asks of senders (RFC 8461, 5).
///
/// ```
/// use mta_sts_core::Mode;
///
/// assert_eq!("testing".parse(), Ok(Mode::Testing));
/// assert_eq!(Mode::Enforce.to_string(), "enforce");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Mode {
    /// Do not deliver to a host that fails validation.
    Enforce,
    /// Deliver in any case, and report what would have failed.
    Testing,
    /// Act as if there were no policy.
    None,
}

/// How strictly a policy must follow the grammar of RFC 8461, 3.2.
///
/// ```
/// use mta_sts_core::{Policy, Strictness};
///
/// let body = b"version: STSv1\n\nmode: none\nmax_age: 86400\n";
/// assert!(Policy::parse(body).is_ok());
/// assert_eq!(Policy::parse_with(body, Strictness::Abnf).unwrap_err().code(), "blank-line");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strictness {
    /// Accepts the grammar and four departures whose meaning is plain, and whose refusal would leave mail unprotected:
    /// blank lines, one byte order mark at the start, one trailing dot of an `mx`, and underscores in an `mx`.
    #[default]
    Tolerant,
    /// Accepts the grammar alone: for owners who check what they publish.
    Abnf,
}

impl Policy {
    /// The longest `max_age`: a year, in seconds. A longer value counts as this (RFC 8461, 3.2).
    pub const MAX_MAX_AGE: Duration = Duration::from_secs(31_557_600);

    /// The maximum length of a text that is parsed as a policy, in octets; a fetch allows far less
    /// ([`FetchLimits`](crate::FetchLimits)).
    pub const MAX_LEN: usize = 1 << 20;

    /// Parses the body of a policy, tolerating the departures of [`Strictness::Tolerant`].
    ///
    /// Unknown fields are ignored; of a field that may appear only once, the first counts, and later ones are ignored
    /// whatever their value (RFC 8461, 3.2). It takes time linear in the length.
    ///
    /// # Errors
    ///
    /// Returns where the text departs from the grammar, or which field is missing. A single `mx` that can never match a
    /// host makes the policy invalid, so that its owner notices; in mode none such an `mx` is left out instead.
    // Meets S27, S28, S29, S30, S31, S32, S34, S35, S37, S38, S39, S40, S43, S104.
    // Meets A6, A7, A8, A9, A10, A11, A12, A13, A14, A51, A52, A53, A54.
    pub fn parse(body: &[u8]) -> Result<Self, PolicyError> {
        Self::parse_with(body, Strictness::default())
    }

    /// Parses the body of a policy as strictly as `strictness` says.
    ///
    /// # Errors
    ///
    /// The same as [`Policy::parse`].
    // Meets S36, A6.
    pub fn parse_with(body: &[u8], strictness: Strictness) -> Result<Self, PolicyError> {
        if body.len() > Self::MAX_LEN {
            return Err(PolicyError::at(PolicyErrorKind::TooLarge, 1, Self::MAX_LEN));
        }
        let text = core::str::from_utf8(body).map_err(|error| {
            let offset = error.valid_up_to();
            PolicyError::at(PolicyErrorKind::NotUtf8, line_number(body, offset), offset)
        })?;
        Reader::new(text, strictness).read()
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The time for which the policy may be used, counted from its fetch: 0 s to [`Policy::MAX_MAX_AGE`].
    // Meets A15, A49.
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.0.max_age.into())
    }

    /// The `mx` patterns in order, with duplicates; in mode none there may be none.
    pub fn mx_patterns(&self) -> MxPatterns<'_> {
        MxPatterns { content: &self.0, spans: self.0.patterns.iter() }
    }

    /// The first pattern that covers this MX host.
    ///
    /// ```
    /// # use mta_sts_core::{DnsName, Policy};
    /// let policy = Policy::parse(b"version: STSv1\nmode: testing\nmx: *.example.com\nmax_age: 86400\n")?;
    /// let host = DnsName::parse("mx1.example.com").unwrap();
    /// assert_eq!(policy.matching_pattern(&host).unwrap().to_string(), "*.example.com");
    /// # Ok::<(), mta_sts_core::PolicyError>(())
    /// ```
    pub fn matching_pattern(&self, host: &DnsName) -> Option<MxPattern<'_>> {
        self.0.find(host.as_str().as_bytes()).map(|span| self.0.pattern(span))
    }

    /// Returns whether a pattern covers this MX host, given as it appears in the MX record: any case, one trailing dot,
    /// U-labels. A text that is not a host name is never covered.
    pub fn matches_mx(&self, host: &str) -> bool {
        read_name(host, |host| self.0.find(host.as_bytes()).is_some()).unwrap_or(false)
    }

    /// The text as received.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The memory that the policy takes in all, in octets.
    pub(crate) fn octets(&self) -> usize {
        // The two reference counts, strong and weak, precede the content.
        let counts = 2 * size_of::<usize>();
        let spilled = if self.0.patterns.spilled() { size_of_val(&*self.0.patterns) } else { 0 };
        counts + size_of::<Content>() + self.0.text.len() + spilled
    }

    /// The lines as received, without line ends and without blank lines: the `policy-string` of TLSRPT (RFC 8460, 4.4).
    // Meets R53.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let text = self.text();
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        text.split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .filter(|line| !is_blank(line.as_bytes()))
    }
}

impl PartialEq for Policy {
    /// Returns whether the texts are identical, byte for byte.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.text() == other.text()
    }
}

impl Eq for Policy {}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("mode", &self.mode())
            .field("max_age", &self.max_age())
            .field("mx_patterns", &self.mx_patterns())
            .finish()
    }
}

impl fmt::Display for Policy {
    /// Writes the policy in its canonical form: version, mode, every `mx`, and `max_age`, each line ended by CRLF.
    /// Unknown fields are omitted.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "version: STSv1\r\nmode: {}\r\n", self.mode())?;
        for pattern in self.mx_patterns() {
            write!(formatter, "mx: {pattern}\r\n")?;
        }
        write!(formatter, "max_age: {}\r\n", self.max_age().as_secs())
    }
}

impl Mode {
    /// The keyword of the RFC.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }

    /// The mode of this keyword; case matters (RFC 8461, 3.2).
    #[inline]
    fn of_word(word: &[u8]) -> Option<Self> {
        match word {
            b"enforce" => Some(Self::Enforce),
            b"testing" => Some(Self::Testing),
            b"none" => Some(Self::None),
            _ => None,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = PolicyError;

    /// Parses the keyword of the RFC; case matters (RFC 8461, 3.2).
    fn from_str(word: &str) -> Result<Self, PolicyError> {
        Self::of_word(word.as_bytes()).ok_or_else(|| PolicyError::at(PolicyErrorKind::BadMode, 1, 0))
    }
}

/// An iterator over the `mx` patterns of a policy in order, from [`Policy::mx_patterns`].
///
/// ```
/// use mta_sts_core::Policy;
///
/// let policy =
///     Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmx: *.example.net\nmax_age: 604800\n")?;
/// let patterns: Vec<_> = policy.mx_patterns().map(|pattern| pattern.to_string()).collect();
/// assert_eq!(patterns, ["mx.example.com", "*.example.net"]);
/// # Ok::<(), mta_sts_core::PolicyError>(())
/// ```
#[derive(Clone)]
pub struct MxPatterns<'a> {
    content: &'a Content,
    spans: core::slice::Iter<'a, Span>,
}

impl<'a> MxPatterns<'a> {
    /// A new iterator over the remaining patterns.
    #[must_use]
    // The type is an iterator itself; `iter` is for those who take it for a list.
    #[allow(clippy::iter_without_into_iter)]
    pub fn iter(&self) -> MxPatterns<'a> {
        self.clone()
    }

    /// Returns whether no pattern remains.
    pub fn is_empty(&self) -> bool {
        self.spans.len() == 0
    }
}

impl<'a> Iterator for MxPatterns<'a> {
    type Item = MxPattern<'a>;

    fn next(&mut self) -> Option<MxPattern<'a>> {
        self.spans.next().map(|span| self.content.pattern(span))
    }

    fn nth(&mut self, index: usize) -> Option<MxPattern<'a>> {
        self.spans.nth(index).map(|span| self.content.pattern(span))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for MxPatterns<'_> {}

impl FusedIterator for MxPatterns<'_> {}

impl fmt::Debug for MxPatterns<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.clone()).finish()
    }
}

struct Content {
    // As received.
    text: Box<str>,
    patterns: Spans,
    lengths: u64,
    has_wildcard: bool,
    // Whether a pattern's name has an upper-case letter.
    has_upper_case: bool,
    max_age: u32,
    mode: Mode,
}

/// The patterns of most policies fit in here.
type Spans = SmallVec<[Span; 4]>;

/// The position of a pattern's name in the text; that of a wildcard begins with a dot.
struct Span {
    start: u32,
    key: Key,
}

/// A key that is compared before a name: the length in the low octet, above it a hash of the first octets in lower
/// case.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(u32);

impl Key {
    /// Makes a key in which few names of one policy agree: they differ in the first label, or else in length. The key
    /// of a name shorter than eight octets is its length alone.
    #[inline]
    fn of(name: &[u8]) -> Self {
        Self::with_start(name.first_chunk(), name.len())
    }

    /// Makes the key of a name that is not in lower case.
    fn of_any_case(name: &[u8]) -> Self {
        let start = name.first_chunk().map(|octets: &[u8; 8]| octets.map(|octet| octet.to_ascii_lowercase()));
        Self::with_start(start.as_ref(), name.len())
    }

    #[inline]
    fn with_start(start: Option<&[u8; 8]>, len: usize) -> Self {
        let start = start.map_or(0, |octets| u64::from_le_bytes(*octets));
        // Any odd number works that spreads every bit to the top.
        let spread = start.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        // The shift leaves 24 bits, and a name has at most 254 octets with a wildcard's dot.
        #[allow(clippy::cast_possible_truncation)]
        Self((spread as u32) << 8 | len as u32)
    }

    const fn len(self) -> usize {
        (self.0 & 0xFF) as usize
    }
}

impl Content {
    fn name(&self, span: &Span) -> &str {
        let start = span.start as usize;
        &self.text[start..start + span.key.len()]
    }

    fn pattern(&self, span: &Span) -> MxPattern<'_> {
        MxPattern::of_name(self.name(span), self.has_upper_case)
    }

    /// The first pattern that covers a host in lower case without a trailing dot.
    fn find(&self, host: &[u8]) -> Option<&Span> {
        let parent = if self.has_wildcard { after_first_label(host) } else { host };
        if self.lengths & (length_bit(host) | length_bit(parent)) == 0 {
            return None;
        }
        let host_key = Key::of(host);
        let parent_key = if self.has_wildcard { Key::of(parent) } else { host_key };
        self.patterns.iter().find(|span| {
            if span.key != host_key && span.key != parent_key {
                return false;
            }
            // No host begins with a dot, so a wildcard's name is never the host's.
            let name = self.name(span).as_bytes();
            name == host || name == parent || (self.has_upper_case && is_either(name, host, parent))
        })
    }
}

/// Compares case-insensitively; few policies need it.
#[cold]
#[inline(never)]
fn is_either(name: &[u8], host: &[u8], parent: &[u8]) -> bool {
    name.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(parent)
}

/// The bit for this name length in the set of the lengths of a policy's names; 64 bits are enough, since longer names
/// are rare.
const fn length_bit(name: &[u8]) -> u64 {
    1 << (name.len() % 64)
}

/// The state of parsing a policy.
struct Reader<'a> {
    text: &'a str,
    strictness: Strictness,
    has_version: bool,
    mode: Option<Mode>,
    max_age: Option<u32>,
    patterns: Spans,
    lengths: u64,
    has_wildcard: bool,
    has_upper_case: bool,
    // The first fault in an `mx`; it is no fault if the mode turns out to be none.
    mx_fault: Option<PolicyError>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, strictness: Strictness) -> Self {
        Self {
            text,
            strictness,
            has_version: false,
            mode: None,
            max_age: None,
            patterns: Spans::new(),
            lengths: 0,
            has_wildcard: false,
            has_upper_case: false,
            mx_fault: None,
        }
    }

    /// ```text
    /// sts-policy-record = sts-policy-field *WSP
    ///                     *(sts-policy-term sts-policy-field *WSP)
    ///                     [sts-policy-term]
    /// sts-policy-term   = LF / CRLF
    /// ```
    fn read(mut self) -> Result<Policy, PolicyError> {
        let fault = self.read_lines().err();
        let is_none = match self.mode {
            Some(mode) => mode == Mode::None,
            // The fault that stopped the parser may come before that of an mx.
            None => self.mx_fault.is_some() && first_mode(self.text.as_bytes()) == Some(b"none"),
        };
        // The fault of an mx came first.
        let of_mx = self.mx_fault.filter(|_| !is_none);
        of_mx.or(fault).map_or_else(|| self.finish(), Err)
    }

    fn read_lines(&mut self) -> Result<(), PolicyError> {
        let text = self.text.as_bytes();
        let mut offset = 0;
        if self.text.starts_with(BYTE_ORDER_MARK) {
            self.tolerate(PolicyErrorKind::ByteOrderMark, 0)?;
            offset = BYTE_ORDER_MARK.len_utf8();
        }
        while offset < text.len() {
            let line = self.next_line(offset)?;
            self.read_line(&line, offset)?;
            offset += line.octets.len() + line.end_len;
        }
        Ok(())
    }

    #[inline]
    fn next_line(&mut self, offset: usize) -> Result<Line<'a>, PolicyError> {
        let rest = &self.text.as_bytes()[offset..];
        let (octets, after) = rest.split_at(next_control(rest, 0));
        match line_end_len(after) {
            Some(end_len) => Ok(Line { octets, has_tab: false, end_len }),
            None => self.line_with_control(rest, octets.len(), offset),
        }
    }

    /// The line that begins here and has a control character.
    #[cold]
    fn line_with_control(
        &mut self,
        rest: &'a [u8],
        first: usize,
        offset: usize,
    ) -> Result<Line<'a>, PolicyError> {
        let mut has_tab = false;
        let mut at = first;
        loop {
            if let Some(end_len) = line_end_len(&rest[at..]) {
                return Ok(Line { octets: &rest[..at], has_tab, end_len });
            }
            if rest[at] == b'\t' {
                has_tab = true;
            } else if rest.starts_with(b"mx:") {
                self.fault_of_mx(PolicyErrorKind::ControlCharacter, offset + at);
            } else {
                return self.fault(PolicyErrorKind::ControlCharacter, offset + at);
            }
            at = next_control(rest, at + 1);
        }
    }

    /// ```text
    /// sts-policy-ext-name    = (sts-policy-alphanum)
    ///                          *31(sts-policy-alphanum / "_" / "-" / ".")
    /// sts-policy-field-delim = ":" *WSP
    /// ```
    ///
    /// The RFC writes `sta-policy-alphanum` in one place, which it never defines.
    #[inline]
    fn read_line(&mut self, line: &Line<'_>, offset: usize) -> Result<(), PolicyError> {
        let octets = line.octets;
        let Some((field, at_value)) = Field::split(octets) else {
            return if is_blank(octets) {
                self.tolerate(PolicyErrorKind::BlankLine, offset)
            } else {
                self.fault(not_a_field_name(octets), offset)
            };
        };
        let from_value = field::trim_start(at_value);
        let value = field::trim_end(from_value);
        if value.is_empty() {
            return self.fault_in_value(field, PolicyErrorKind::EmptyValue, offset + octets.len());
        }
        let value_start = offset + octets.len() - from_value.len();
        // Of white space, only the space may stand within a value.
        let tab = if line.has_tab { value.iter().position(|octet| *octet == b'\t') } else { None };
        if let Some(in_value) = tab {
            return self.fault_in_value(field, PolicyErrorKind::ControlCharacter, value_start + in_value);
        }
        self.read_field(field, value, value_start)
    }

    /// Records a field. Of fields that may appear only once the first counts, and later ones are ignored whatever their
    /// value (RFC 8461, 3.2).
    fn read_field(&mut self, field: Field, value: &[u8], value_start: usize) -> Result<(), PolicyError> {
        match field {
            Field::Mx => self.read_mx(value, value_start),
            Field::Version if !self.has_version => {
                if value != b"STSv1" {
                    return self.fault(PolicyErrorKind::BadVersion, value_start);
                }
                self.has_version = true;
            }
            Field::Mode if self.mode.is_none() => match Mode::of_word(value) {
                Some(mode) => self.mode = Some(mode),
                None => return self.fault(PolicyErrorKind::BadMode, value_start),
            },
            Field::MaxAge if self.max_age.is_none() => match max_age(value) {
                Some(seconds) => self.max_age = Some(seconds),
                None => return self.fault(PolicyErrorKind::BadMaxAge, value_start),
            },
            _ => {}
        }
        Ok(())
    }

    fn read_mx(&mut self, value: &[u8], value_start: usize) {
        let pattern = match PatternText::read(value) {
            Ok(pattern) => pattern,
            Err(error) => return self.fault_of_mx(PolicyErrorKind::BadMx, value_start + error.offset()),
        };
        if self.strictness == Strictness::Abnf {
            if value.ends_with(b".") {
                self.fault_of_mx(PolicyErrorKind::MxTrailingDot, value_start + value.len() - 1);
            } else if let Some(offset) = value.iter().position(|octet| *octet == b'_') {
                self.fault_of_mx(PolicyErrorKind::MxUnderscore, value_start + offset);
            }
        }
        let in_text = value_start + pattern.name.start;
        self.add(&value[pattern.name], pattern.is_wildcard, pattern.is_lower_case, in_text);
    }

    fn add(&mut self, name: &[u8], is_wildcard: bool, is_lower_case: bool, in_text: usize) {
        let key = if is_lower_case { Key::of(name) } else { Key::of_any_case(name) };
        if self.patterns.len() == self.patterns.capacity() {
            self.make_room(name.len(), in_text);
        }
        // The text has at most MAX_LEN octets.
        #[allow(clippy::cast_possible_truncation)]
        self.patterns.push(Span { start: in_text as u32, key });
        self.lengths |= length_bit(name);
        self.has_wildcard |= is_wildcard;
        self.has_upper_case |= !is_lower_case;
    }

    /// Reserves memory for this pattern and the following ones. Most policies have only such lines after the first
    /// patterns, so one allocation is enough. If there are more, no more memory is reserved than the rest of the text
    /// can need.
    #[cold]
    fn make_room(&mut self, name_len: usize, in_text: usize) {
        let rest = "mx: ".len() + self.text.len() - in_text;
        let room = if self.patterns.spilled() {
            self.patterns.len().min(rest / "mx:a.b\n".len() + 1)
        } else {
            (rest / ("mx: \r\n".len() + name_len)).max(1)
        };
        self.patterns.reserve_exact(room);
    }

    /// Checks that the required fields are there; `mx` is not required in mode none (RFC 8461, 3.2).
    fn finish(mut self) -> Result<Policy, PolicyError> {
        let (Some(mode), Some(max_age), true) = (self.mode, self.max_age, self.has_version) else {
            return self.missing();
        };
        if self.patterns.is_empty() && mode != Mode::None {
            return self.missing();
        }
        self.patterns.shrink_to_fit();
        Ok(Policy(Arc::new(Content {
            patterns: self.patterns,
            // Only now, so that not everything is held twice.
            text: self.text.into(),
            lengths: self.lengths,
            has_wildcard: self.has_wildcard,
            has_upper_case: self.has_upper_case,
            max_age,
            mode,
        })))
    }

    /// The fault at the end of the text: the first of the fields that is missing.
    #[cold]
    fn missing<T>(&self) -> Result<T, PolicyError> {
        let kind = if !self.has_version {
            PolicyErrorKind::MissingVersion
        } else if self.mode.is_none() {
            PolicyErrorKind::MissingMode
        } else if self.max_age.is_none() {
            PolicyErrorKind::MissingMaxAge
        } else {
            PolicyErrorKind::MissingMx
        };
        let lines = self.text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(self.text).lines().count();
        Err(PolicyError::at(kind, u32::try_from(1 + lines).unwrap_or(u32::MAX), self.text.len()))
    }

    /// Accepts one of the four departures, unless only the grammar is allowed.
    fn tolerate(&self, kind: PolicyErrorKind, offset: usize) -> Result<(), PolicyError> {
        match self.strictness {
            Strictness::Tolerant => Ok(()),
            Strictness::Abnf => self.fault(kind, offset),
        }
    }

    fn fault_in_value(
        &mut self,
        field: Field,
        kind: PolicyErrorKind,
        offset: usize,
    ) -> Result<(), PolicyError> {
        if field == Field::Mx {
            self.fault_of_mx(kind, offset);
            return Ok(());
        }
        self.fault(kind, offset)
    }

    /// Remembers the fault of an `mx`: whether it counts depends on the mode, wherever that is in the text.
    #[cold]
    fn fault_of_mx(&mut self, kind: PolicyErrorKind, offset: usize) {
        if self.mx_fault.is_none() {
            self.mx_fault = Some(self.error(kind, offset));
        }
    }

    fn fault<T>(&self, kind: PolicyErrorKind, offset: usize) -> Result<T, PolicyError> {
        Err(self.error(kind, offset))
    }

    #[cold]
    fn error(&self, kind: PolicyErrorKind, offset: usize) -> PolicyError {
        PolicyError::at(kind, line_number(self.text.as_bytes(), offset), offset)
    }
}

/// A line without its line end, free of control characters except tabs.
struct Line<'a> {
    octets: &'a [u8],
    has_tab: bool,
    end_len: usize,
}

/// The fields that the RFC defines, and all others.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    Version,
    Mode,
    MaxAge,
    Mx,
    Other,
}

impl Field {
    /// Splits the field name and its colon off a line, if it begins with a valid name.
    #[inline]
    fn split(line: &[u8]) -> Option<(Self, &[u8])> {
        // Comparing a few octets is faster than classifying them.
        if let Some(value) = line.strip_prefix(b"mx:") {
            Some((Self::Mx, value))
        } else if let Some(value) = line.strip_prefix(b"version:") {
            Some((Self::Version, value))
        } else if let Some(value) = line.strip_prefix(b"mode:") {
            Some((Self::Mode, value))
        } else if let Some(value) = line.strip_prefix(b"max_age:") {
            Some((Self::MaxAge, value))
        } else {
            field::name_before(b':', line).map(|(_, value)| (Self::Other, value))
        }
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The offset of the next control character from `start` on, or the length of the text.
///
/// It reads eight octets at a time, to find the line ends; it is the only pass over values that are ignored.
#[inline]
fn next_control(text: &[u8], start: usize) -> usize {
    let marks = |word| marks_below(word, 0x20) | marks_equal(word, 0x7F);
    next_marked(text, start, marks, u8::is_ascii_control)
}

/// The length of the line end at which the text begins; at the end of the text it is 0. A CR is part of a line end only
/// before LF.
#[inline]
fn line_end_len(text: &[u8]) -> Option<usize> {
    match text {
        [] => Some(0),
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

/// The number of the line that this offset is in, counted from 1.
#[cold]
fn line_number(text: &[u8], offset: usize) -> u32 {
    let line_ends = text[..offset].iter().filter(|octet| **octet == b'\n').count();
    u32::try_from(1 + line_ends).unwrap_or(u32::MAX)
}

/// The value of the first `mode`, which is the one that counts.
pub(crate) fn first_mode(body: &[u8]) -> Option<&[u8]> {
    let text = body.strip_prefix(BYTE_ORDER_MARK.encode_utf8(&mut [0; 3]).as_bytes()).unwrap_or(body);
    let modes = text.split(|octet| *octet == b'\n').filter_map(|line| line.strip_prefix(b"mode:"));
    modes.map(<[u8]>::trim_ascii).next()
}

#[cold]
fn not_a_field_name(line: &[u8]) -> PolicyErrorKind {
    let Some(colon) = line.iter().position(|octet| *octet == b':') else {
        return PolicyErrorKind::LineWithoutColon;
    };
    if line.first().is_some_and(|octet| is_white_space(*octet)) {
        return PolicyErrorKind::SpaceBeforeName;
    }
    let name = field::trim_end(&line[..colon]);
    if field::is_name(name) { PolicyErrorKind::SpaceBeforeColon } else { PolicyErrorKind::BadFieldName }
}

/// ```text
/// sts-policy-max-age-value = 1*10(DIGIT)
/// ```
///
/// Ten digits may exceed a year. Such a value is clamped, since the grammar accepts it, and refusing the policy would
/// leave the mail unprotected.
fn max_age(value: &[u8]) -> Option<u32> {
    if value.len() > 10 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = value.iter().fold(0, |seconds, digit| 10 * seconds + u64::from(digit - b'0'));
    u32::try_from(seconds.min(Policy::MAX_MAX_AGE.as_secs())).ok()
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|octet| is_white_space(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    const HEAD: &str = "version: STSv1\nmode: enforce\nmax_age: 604800\n";

    fn fault(body: impl AsRef<[u8]>) -> (&'static str, u32, usize) {
        let error = Policy::parse(body.as_ref()).unwrap_err();
        (error.code(), error.line(), error.offset())
    }

    fn with_mx(mx: &str) -> Result<Policy, PolicyError> {
        Policy::parse(format!("{HEAD}mx: {mx}\n").as_bytes())
    }

    #[test]
    fn line_ends_and_order_do_not_matter() {
        let lines = ["version: STSv1", "mode: testing", "mx: a.example", "mx: *.b.example", "max_age: 86400"];
        for separator in ["\n", "\r\n"] {
            for end in ["", separator] {
                let policy = Policy::parse((lines.join(separator) + end).as_bytes()).unwrap();
                assert_eq!(policy.mode(), Mode::Testing);
                assert_eq!(policy.max_age(), Duration::from_secs(86_400));
                assert_eq!(policy.mx_patterns().len(), 2);
                assert!(policy.lines().eq(lines));
            }
        }
        let reversed = "max_age:86400\t\r\nmx:\ta.example\nmode:   testing \r\nversion: STSv1";
        assert_eq!(Policy::parse(reversed.as_bytes()).unwrap().mode(), Mode::Testing);
    }

    #[test]
    fn a_fault_is_told_with_line_and_byte() {
        assert_eq!(fault(""), ("missing-version", 1, 0));
        assert_eq!(fault("version: STSv1\nmode: Enforce\n"), ("bad-mode", 2, 21));
        assert_eq!(fault("version: STSv1\r\nmode : enforce\n"), ("space-before-colon", 2, 16));
        assert_eq!(fault("version: STSv1\n mode: enforce\n"), ("space-before-name", 2, 15));
        assert_eq!(fault("version: STSv1\nnonsense\n"), ("line-without-colon", 2, 15));
        assert_eq!(fault("version: STSv1\rmode: enforce\n"), ("control-character", 1, 14));
        assert_eq!(fault("version: STSv1\nnote: a\tb\n"), ("control-character", 2, 22));
        assert_eq!(fault("version: STSv1\nnote:\n"), ("empty-value", 2, 20));
        assert_eq!(fault("version: STSv2\n"), ("bad-policy-version", 1, 9));
        assert_eq!(fault(b"version: STSv1\nnote: \xff\n"), ("not-utf8", 2, 21));
        assert_eq!(fault(format!("{HEAD}mx: a.example, b.example\n")), ("bad-mx", 4, HEAD.len() + 13));
        assert_eq!(fault("version: STSv1\n-a: b\n"), ("bad-policy-field-name", 2, 15));
        assert_eq!(fault("version: STSv1\nmode: enforce\nmax_age: 1\n"), ("missing-mx", 4, 40));
    }

    // Proves A54.
    #[test]
    fn in_mode_none_an_mx_may_be_anything() {
        for mx in
            ["a.test, b.test", "", " ", "*", "a\tb", "a\0b", "b\u{fc}cher.test", "192.0.2.1", "[a.test]", "."]
        {
            for policy in [
                format!("version: STSv1\nmx:{mx}\nmode: none\nmax_age: 86400\n"),
                format!("version: STSv1\nmode: none\nmax_age: 86400\nmx: c.test\nmx: {mx}"),
            ] {
                let read = Policy::parse(policy.as_bytes()).unwrap();
                assert_eq!(read.mode(), Mode::None, "{policy}");
                assert!(read.mx_patterns().len() <= 1, "{policy}");
                assert!(Policy::parse_with(policy.as_bytes(), Strictness::Abnf).is_ok(), "{policy}");
                let enforced = policy.replace("mode: none", "mode: enforce");
                assert!(Policy::parse(enforced.as_bytes()).is_err(), "{enforced}");
            }
        }
        let none = |mx| format!("version: STSv1\nmode: none\nmx: {mx}\nmax_age: 1\n");
        for mx in ["a.test.", "a_b.test"] {
            let [tolerant, strict] = [Strictness::Tolerant, Strictness::Abnf]
                .map(|strictness| Policy::parse_with(none(mx).as_bytes(), strictness).unwrap());
            assert!(tolerant.mx_patterns().eq(strict.mx_patterns()), "{mx}");
        }
        // All else must be right, and what stands first is told first.
        assert_eq!(fault("version: STSv1\nmode: none\nmx: *\nmax_age: x\n").0, "bad-max-age");
        assert_eq!(fault("version: STSv1\nmx: *\nmode: testing\nmax_age: x\n"), ("bad-mx", 2, 19));
        assert_eq!(fault("version: STSv1\nmx: *\nmax_age: x\nmode: none\n").0, "bad-max-age");
        assert_eq!(fault("version: STSv1\nmode: none\nmx : a.test\nmax_age: 1\n").0, "space-before-colon");
    }

    #[test]
    fn the_first_of_a_field_counts() {
        let policy = Policy::parse(
            b"version: STSv1\nmode: enforce\nmode: bogus\nmax_age: 9\nmax_age: x\nversion: 2\nmx: a.example\n",
        )
        .unwrap();
        assert_eq!((policy.mode(), policy.max_age()), (Mode::Enforce, Duration::from_secs(9)));
    }

    #[test]
    fn max_age_is_one_to_ten_digits_and_a_year_at_most() {
        let seconds = |value: &str| {
            Policy::parse(format!("version: STSv1\nmode: none\nmax_age: {value}\n").as_bytes())
                .map(|policy| policy.max_age().as_secs())
                .map_err(|error| error.code())
        };
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("0000000001"), Ok(1));
        assert_eq!(seconds("31557600"), Ok(31_557_600));
        assert_eq!(seconds("31557601"), Ok(31_557_600));
        assert_eq!(seconds("9999999999"), Ok(31_557_600));
        for value in ["12345678901", "-1", "+1", "1.5", "1e3", "0x10", "604_800", "٣"] {
            assert_eq!(seconds(value), Err("bad-max-age"), "{value}");
        }
    }

    #[test]
    fn four_departures_are_tolerated_and_the_grammar_alone_refuses_them() {
        let body = format!("{HEAD}mx: a.example\n");
        for (departure, code) in [
            (format!("\u{feff}{body}"), "byte-order-mark"),
            (format!("{body}\n"), "blank-line"),
            (format!("{HEAD} \t\nmx: a.example"), "blank-line"),
            (format!("{HEAD}mx: a.example.\n"), "mx-trailing-dot"),
            (format!("{HEAD}mx: a_b.example\n"), "mx-underscore"),
        ] {
            assert!(Policy::parse(departure.as_bytes()).is_ok(), "{departure}");
            let error = Policy::parse_with(departure.as_bytes(), Strictness::Abnf).unwrap_err();
            assert_eq!(error.code(), code);
        }
        assert!(Policy::parse_with(body.as_bytes(), Strictness::Abnf).is_ok());
    }

    #[test]
    fn hosts_are_matched_as_names() {
        let policy = with_mx("*.Example.com\nmx: mail.example.net").unwrap();
        for host in ["a.example.com", "A.EXAMPLE.COM.", "Mail.Example.Net"] {
            assert!(policy.matches_mx(host), "{host}");
        }
        for host in [
            "example.com",
            "a.b.example.com",
            ".example.com",
            "mail.example.net.evil.example",
            "",
            ".",
            "*.example.com",
        ] {
            assert!(!policy.matches_mx(host), "{host}");
        }
        let host = DnsName::parse("b.example.com").unwrap();
        assert_eq!(policy.matching_pattern(&host).unwrap().to_string(), "*.example.com");
    }

    #[test]
    fn a_written_policy_reads_the_same() {
        let policy = with_mx("*.Example.com.\nmx: a_b.example.net\nnote: x").unwrap();
        let written = Policy::parse(policy.to_string().as_bytes()).unwrap();
        assert_eq!(written.mode(), policy.mode());
        assert_eq!(written.max_age(), policy.max_age());
        assert!(written.mx_patterns().eq(policy.mx_patterns()));
    }
}
