use std::io::{self, Write};

use clap::Args;
use clap_complete::Shell;

use super::Exit;

/// Print the completions of a shell
///
/// For bash: `mtasts completions bash > /usr/share/bash-completion/completions/mtasts`. The Debian package has them already.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut command: clap::Command) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "mtasts", &mut script);
        let mut out = io::stdout().lock();
        match out.write_all(&script).and_then(|()| out.flush()) {
            Ok(()) => Exit::Fine,
            Err(error) => {
                anstream::eprintln!("mtasts: the completions could not be written: {error}");
                Exit::Temporary
            }
        }
    }
}
