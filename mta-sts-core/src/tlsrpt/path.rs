use core::fmt;

/// The path of a member in a report: `policies[0].summary`.
///
/// ```
/// use mta_sts_core::tlsrpt::Report;
///
/// let read = Report::parse(br#"{"policies": [{"policy": {"policy-type": "sts"}}]}"#)?;
/// let paths: Vec<_> = read.deviations.iter().map(|deviation| deviation.path().to_string()).collect();
/// assert!(paths.contains(&"policies[0].policy.policy-domain".to_string()));
/// # Ok::<(), mta_sts_core::tlsrpt::ReportError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ReportPath {
    /// `policies[].summary`.
    members: &'static str,
    /// The indexes between the brackets.
    indexes: [u32; 2],
}

impl ReportPath {
    pub(crate) const fn new(members: &'static str, indexes: [u32; 2]) -> Self {
        Self { members, indexes }
    }

    /// Writes a message with its position: `message (path, byte 7)`.
    pub(crate) fn write_message(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        message: &str,
        offset: usize,
    ) -> fmt::Result {
        write!(formatter, "{message} (")?;
        if !self.is_empty() {
            write!(formatter, "{self}, ")?;
        }
        write!(formatter, "byte {offset})")
    }

    /// Returns whether it is the report as a whole.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl fmt::Display for ReportPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut indexes = self.indexes.iter();
        for (number, part) in self.members.split("[]").enumerate() {
            if number > 0 {
                write!(formatter, "[{}]", indexes.next().copied().unwrap_or_default())?;
            }
            formatter.write_str(part)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ReportPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ReportPath({self})")
    }
}
