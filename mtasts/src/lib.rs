//! The library beside the command `mtasts`: the socketmap server of its daemon, for a daemon of one's own.
#![forbid(unsafe_code)]

mod socketmap;

pub use socketmap::{
    AnswerCounts, DaneAnswer, DaneLookup, DnsFailureAnswer, Explanation, FetchFailureAnswer, MatchNames,
    OverrideError, Overrides, SocketAccess, SocketmapConfig, SocketmapCounts, SocketmapListener,
    SocketmapServer, Zone, Zones,
};
