//! The library part of the command `mtasts`: the socketmap server of its daemon, for use in other daemons.
#![forbid(unsafe_code)]

mod socketmap;

pub use socketmap::{
    AnswerCounts, AnswerTimes, DaneAnswer, DaneLookup, DnsFailureAnswer, Explanation, FetchFailureAnswer,
    MatchNames, OverrideError, Overrides, SocketAccess, SocketmapConfig, SocketmapCounts, SocketmapListener,
    SocketmapServer, Zone, Zones,
};
