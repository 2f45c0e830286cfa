//! libmtasts: MTA-STS (RFC 8461) for mail servers written in C.
//!
//! The interface of this crate is `include/mtasts.h`, which is generated from it; its first comment states the
//! conventions. This is how they are implemented:
//!
//! - **Ownership is in the types.** `Option<Box<T>>` takes ownership of a handle, `Option<&T>` borrows one that
//!   others may read concurrently, `Option<&mut T>` one that nobody else uses; NULL is `None`. The validity and
//!   lifetime of C pointers is left to `unsafe`, which is confined to `pointer` and blocks that call it.
//! - **Panics end in `guard`**: none reaches C. A panic in the middle of a change leaves the object poisoned.
//! - **Numbers and codes are those of the core**: `status` makes a table of them at compile time.
// The C names are the names.
#![allow(non_camel_case_types)]
// The conventions of the header are the safety contract of every function; they are not repeated each time.
#![allow(clippy::missing_safety_doc)]
// C has no `Result`: the errors of a function are described in its comment.
#![allow(clippy::missing_errors_doc)]
// Comments are written for C, and name C functions.
#![allow(clippy::doc_markdown)]
// Opaque types are never formatted.
#![allow(missing_debug_implementations)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

// The order is that of the header; each line is a group of its own, so that it is kept.
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

mod draft;

mod history;

mod publish_target;

mod publish_facts;

mod publish_plan;

mod postfix;

mod pointer;

mod getter;
mod guard;
mod text;

pub use cache::*;
pub use config::*;
pub use datagram::*;
pub use delivery::*;
pub use draft::*;
pub use entry::*;
pub use event::*;
pub use hint::*;
pub use history::*;
pub use lint::*;
pub use lookup::*;
pub use name::*;
pub use outcome::*;
pub use pointer::mtasts_bytes;
pub use policy::*;
pub use postfix::*;
pub use publish_facts::*;
pub use publish_plan::*;
pub use publish_target::*;
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
