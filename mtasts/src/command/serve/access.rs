//! The permissions of a Unix socket in the configuration.

use std::fmt;
use std::str::FromStr;

use mtasts_socketmap::SocketAccess;
use nix::unistd::{Group, User};

/// The permissions of a socket, in octal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketMode(pub(super) u32);

/// The owner of a socket: `USER`, `USER:GROUP`, or `:GROUP`, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SocketOwner {
    text: String,
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

/// Combines both for one socket.
pub(super) fn access(SocketMode(mode): SocketMode, owner: Option<&SocketOwner>) -> SocketAccess {
    SocketAccess::new()
        .with_mode(mode)
        .with_user(owner.and_then(|owner| owner.user))
        .with_group(owner.and_then(|owner| owner.group))
}

impl FromStr for SocketMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode & 0o222 == 0 => Err("nobody could connect: clients need write permission"),
            Ok(mode @ ..=0o777) => Ok(Self(mode)),
            _ => Err("expected permissions in octal digits, such as \"0660\""),
        }
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04o}", self.0)
    }
}

impl FromStr for SocketOwner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        if user.is_empty() && group.is_empty() {
            return Err("expected USER, USER:GROUP or :GROUP".to_owned());
        }
        let find = |name: &str, what: &str, known: &dyn Fn(&str) -> Option<u32>| {
            if name.is_empty() {
                return Ok(None);
            }
            let number = name.parse().ok().or_else(|| known(name));
            number.map(Some).ok_or_else(|| format!("there is no {what} `{name}` on this machine"))
        };
        Ok(Self {
            user: find(user, "user", &|name| Some(User::from_name(name).ok()??.uid.as_raw()))?,
            group: find(group, "group", &|name| Some(Group::from_name(name).ok()??.gid.as_raw()))?,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for SocketOwner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_and_lets_somebody_in() {
        assert_eq!("0660".parse(), Ok(SocketMode(0o660)));
        assert_eq!("600".parse::<SocketMode>().unwrap().to_string(), "0600");
        for text in ["", "rw", "0o660", "0888", "1777", "-1", "0444", "0"] {
            assert!(text.parse::<SocketMode>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_owner_is_a_user_or_a_group_that_is_there() {
        let owner = |text: &str| text.parse::<SocketOwner>().map(|owner| (owner.user, owner.group));
        assert_eq!(owner("root"), Ok((Some(0), None)));
        assert_eq!(owner("root:root"), Ok((Some(0), Some(0))));
        assert_eq!(owner(":7"), Ok((None, Some(7))));
        for text in ["", ":", "no-such-user-here", "root:no-such-group-here"] {
            assert!(owner(text).is_err(), "{text}");
        }
    }
}
