//! What is said when an address cannot be listened at.

use std::io;

use super::super::Exit;

/// The exit status and the message if the daemon cannot listen at an address.
pub(crate) fn cannot_listen(place: &str, error: &io::Error) -> (Exit, String) {
    let exit = if error.kind() == io::ErrorKind::AddrInUse { Exit::Temporary } else { Exit::No };
    (exit, format!("cannot listen on {place}: {error}"))
}
