//! HTML pages for the owner of a domain: of reports, and of what the domain publishes.

mod reports;
mod reports_domain;
mod text;

pub use reports::Page;
pub(crate) use text::Harmless;
