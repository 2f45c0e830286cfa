//! libmtasts: MTA-STS (RFC 8461) for mail servers written in C.
//!
//! The face of this crate is `include/mtasts.h`, generated from it; its first comment states the conventions. Here
//! is how they are kept:
//!
//! - **Ownership is in the types.** `Option<Box<T>>` takes a handle over, `Option<&T>` borrows one that others may
//!   read at once, `Option<&mut T>` one that nobody else touches; NULL is `None`. What C points at and how long is
//!   left to `unsafe`, and it stands in `pointer` alone, or in blocks that call it.
//! - **Panics end in `guard`**: none reaches C. One in the midst of a change leaves the object poisoned.
//! - **Numbers and words are the core's**: `status` makes a table of them at compile time.
// The C names are the names.
#![allow(non_camel_case_types)]
// The conventions of the header are the safety contract of every function; they are not repeated a hundred times.
#![allow(clippy::missing_safety_doc)]
// C knows no `Result`: the errors of a function stand in its comment.
#![allow(clippy::missing_errors_doc)]
// Comments are C's, and name C's functions.
#![allow(clippy::doc_markdown)]
// Nobody formats what is opaque.
#![allow(missing_debug_implementations)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

// The order is that of the header; each line is a group of its own, so that it stays.
mod version;

mod status;

mod name;

mod record;

mod config;

mod policy;

mod lookup;

mod outcome;

mod entry;

mod cache;

mod delivery;

mod tlsrpt;

mod tlsrpt_record;

mod report;

mod report_builder;

mod event;

mod datagram;

mod report_sender;

mod tally;

mod report_mail;

mod hint;

mod ready;

mod lint;

mod postfix;

mod pointer;

mod getter;
mod guard;
mod text;

pub use cache::*;
pub use config::*;
pub use datagram::*;
pub use delivery::*;
pub use entry::*;
pub use event::*;
pub use hint::*;
pub use lint::*;
pub use lookup::*;
pub use name::*;
pub use outcome::*;
pub use pointer::mtasts_bytes;
pub use policy::*;
pub use postfix::*;
pub use ready::*;
pub use record::*;
pub use report::*;
pub use report_builder::*;
pub use report_mail::*;
pub use report_sender::*;
pub use status::*;
pub use tally::*;
pub use text::{mtasts_text, mtasts_text_free, mtasts_text_len, mtasts_text_string};
pub use tlsrpt::*;
pub use tlsrpt_record::*;
pub use version::*;
