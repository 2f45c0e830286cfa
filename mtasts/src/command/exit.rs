use std::process::ExitCode;

/// How a command ended: its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All is well.
    Fine,
    /// The answer is no, or has errors.
    No,
    /// The answer is no, and only a person can tell what to do.
    Blocked,
    /// The call was not understood.
    Usage,
    /// What there is to read cannot be read: `EX_NOINPUT` of sysexits.
    NoInput,
    /// Something that may work later did not work now: `EX_TEMPFAIL` of sysexits.
    Temporary,
    /// A configuration says what it must not, or what cannot work: `EX_CONFIG` of sysexits.
    Configuration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::No => 1,
            Exit::Blocked | Exit::Usage => 2,
            Exit::NoInput => 66,
            Exit::Temporary => 75,
            Exit::Configuration => 78,
        })
    }
}
