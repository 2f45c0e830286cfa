//! What the daemons of this program share: their log, their configuration's values, signals, pages, and the service manager.

mod clients;
mod fault;
mod listening;
mod logging;
mod metrics_page;
mod pages;
mod signals;
pub(crate) mod supervisor;
mod ticking;
mod unworkable;
pub(crate) mod value;

pub(crate) use clients::serve_for_ever;
pub(crate) use fault::Fault;
pub(crate) use listening::cannot_listen;
pub(crate) use logging::{Log, LogFormat, LogLevel, Logging};
pub(crate) use metrics_page::{Labels, Metrics, MetricsPage, MetricsSource, Reloads};
pub(crate) use pages::{Phase, Status, StatusPages};
pub(crate) use signals::{Asked, Signals};
pub(crate) use ticking::ticking;
pub(crate) use unworkable::{MAX_SOCKET_PATH, TOO_LONG, Unworkable, span_of_text};
