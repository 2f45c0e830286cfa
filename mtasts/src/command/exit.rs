use std::process::ExitCode;

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Success.
    Fine,
    /// The answer is no, or has errors.
    No,
    /// The answer is no, and only a person can tell what to do.
    Blocked,
    /// The command line is not valid.
    Usage,
    /// The input cannot be read: `EX_NOINPUT` of sysexits.
    NoInput,
    /// A temporary failure: `EX_TEMPFAIL` of sysexits.
    Temporary,
    /// The configuration has a mistake, or cannot work: `EX_CONFIG` of sysexits.
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

/// Says on standard error why the command ends so.
pub(crate) fn told(exit: Exit, what: &str) -> Exit {
    anstream::eprintln!("mtasts: {what}");
    exit
}
