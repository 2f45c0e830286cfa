//! HTML pages for the owner of a domain: of reports, and of what the domain publishes.

mod published;
mod published_domain;
mod published_step;
mod published_view;
mod reports;
mod reports_domain;
mod text;
mod time_axis;

pub use published::PublishedPage;
pub use published_domain::{PublishedDomain, PublishedFinding, PublishedHost};
pub use reports::Page;
pub(crate) use text::Harmless;
