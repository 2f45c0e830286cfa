//! What the owner of a domain publishes (RFC 8461, 3 and 8): the policy, the record, and plans to change them without
//! losing mail.
//!
//! A [`Draft`] is a policy that cannot stop mail by a mistake of its own, and the record that announces it. A
//! [`History`] is what was published when, and so what senders may still hold. A [`Plan`] says what to do now and what only
//! later, so that no sender refuses mail for a change.

mod draft;
mod facts;
mod history;
mod outlook;
mod pace;
mod plan;
mod step;
mod target;
mod zone_record;

pub use crate::error::{DraftError, DraftErrorKind, HistoryError, HistoryErrorKind};
pub use draft::{Draft, id_of};
pub use facts::Facts;
pub use history::{History, SeenHost, SeenRecord, ServedPolicy};
pub use plan::Plan;
pub use step::{Action, Step, Wait};
pub use target::Target;
pub use zone_record::ZoneRecord;
