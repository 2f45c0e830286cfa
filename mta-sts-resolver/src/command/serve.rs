use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use mta_sts_core::postfix::Form;
use mta_sts_resolver::{
    DnsFailureAnswer, MatchNames, PolicyService, ServiceConfig, SocketmapConfig, SocketmapListener,
    SocketmapServer, Zone, Zones,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use super::check::told;
use super::store::StorePlace;
use super::{Exit, Network};

/// Answer Postfix's TLS policy lookups (socketmap), and keep the policies
///
/// In main.cf: `smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix`
///
/// SIGTERM and SIGINT end it, once those who wait have their answer.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Listen here; may be given several times
    #[arg(long, value_name = "ADDR:PORT|unix:PATH", default_value = "127.0.0.1:8461")]
    listen: Vec<Place>,
    /// Where policies outlive a restart
    #[arg(long, value_name = "memory|sqlite[:FILE]", default_value = "sqlite")]
    store: StorePlace,
    /// How much an answer tells Postfix
    #[arg(long, value_enum, value_name = "FORM", default_value = "basic")]
    form: AnswerForm,
    /// Which names the certificate of an MX host may have
    #[arg(long = "match", value_enum, value_name = "NAMES", default_value = "patterns")]
    match_names: Match,
    /// What is said when DNS fails and no policy is remembered
    #[arg(long, value_enum, value_name = "ANSWER", default_value = "temporary")]
    on_dns_failure: OnDnsFailure,
    /// How many domains are remembered in memory
    #[arg(long, value_name = "N", default_value_t = 65_536, hide = true)]
    max_entries: usize,
    /// Tell what is at least as weighty as this
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LevelFilter,
    /// How log lines look
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Name domains at every level, not in debug and trace alone
    #[arg(long)]
    log_domains: bool,
    #[command(flatten)]
    network: Network,
}

/// Where to listen.
#[derive(Clone, Debug)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("expected a path after unix:".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "expected an address and a port, 127.0.0.1:8461, or unix:PATH".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AnswerForm {
    /// Level and names, for every Postfix since 3.4
    Basic,
    /// The policy too, for Postfix 3.10.5 and later, which then checks the names of MX hosts; older ones defer all mail
    Extended,
    /// And mode testing as level may, so that Postfix reports it in TLSRPT
    ExtendedWithTesting,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Match {
    /// Those that the patterns of the policy cover, as Postfix reads them
    Patterns,
    /// Those of the domain's MX hosts that the policy covers; their MX records are looked up for each answer
    MxHosts,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnDnsFailure {
    /// It is temporary: mail waits
    Temporary,
    /// There is no policy: mail goes out unprotected
    DangerNotFound,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Serve {
    pub(crate) async fn run(self) -> Exit {
        self.start_logging();
        match self.serve().await {
            Ok(()) => Exit::Fine,
            Err((exit, what)) => told(exit, &what),
        }
    }

    async fn serve(self) -> Result<(), (Exit, String)> {
        let dns = self.network.dns_client().map_err(|error| (Exit::Temporary, error.to_string()))?;
        let trust_store = self.network.trust_store().map_err(|error| (Exit::Usage, error.to_string()))?;
        // Before `listening`, so that no signal after it finds the daemon without its handlers.
        let signals = |error: io::Error| (Exit::Temporary, format!("signals cannot be handled: {error}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;

        let mut config = ServiceConfig::new().max_entries(self.max_entries).log_domains(self.log_domains);
        let store = self.store.open().map_err(|error| {
            (Exit::Temporary, format!("{}: {error} (`--store memory` works without a store)", self.store))
        })?;
        if let Some(store) = store {
            config = config.store(store);
        }
        let service = PolicyService::new(self.network.resolver(dns, trust_store), config);
        match service.load().await {
            Ok(entries) => tracing::info!(entries, store = %self.store, "policies are in memory"),
            Err(error) => tracing::error!(code = error.code(), %error, "the store could not be read"),
        }
        let mut listeners = Vec::new();
        for place in &self.listen {
            listeners.push(place.bind().await?);
        }
        let server = SocketmapServer::new(service.clone(), SocketmapConfig::new(), Zones::new(self.zone()));
        tokio::select! {
            () = server.serve(listeners, async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                tracing::info!("stopping");
            }) => {}
            () = service.refresh_for_ever() => {}
        }
        tracing::info!(requests = server.requests(), "stopped");
        Ok(())
    }

    fn zone(&self) -> Zone {
        Zone::new()
            .form(match self.form {
                AnswerForm::Basic => Form::Basic,
                AnswerForm::Extended => Form::Extended,
                AnswerForm::ExtendedWithTesting => Form::ExtendedWithTesting,
            })
            .match_names(match self.match_names {
                Match::Patterns => MatchNames::Patterns,
                Match::MxHosts => MatchNames::MxHosts,
            })
            .on_dns_failure(match self.on_dns_failure {
                OnDnsFailure::Temporary => DnsFailureAnswer::Temporary,
                OnDnsFailure::DangerNotFound => DnsFailureAnswer::NotFound,
            })
    }

    fn start_logging(&self) {
        let lines = tracing_subscriber::fmt().with_max_level(self.log_level).with_writer(io::stderr);
        match self.log_format {
            LogFormat::Text => lines.with_ansi(false).with_target(false).init(),
            LogFormat::Json => lines.json().flatten_event(true).with_target(false).init(),
        }
    }
}

impl Place {
    async fn bind(&self) -> Result<SocketmapListener, (Exit, String)> {
        let bound = match self {
            Self::Tcp(address) => SocketmapListener::bind_tcp(*address).await,
            Self::Unix(path) => SocketmapListener::bind_unix(path),
        };
        let listener = bound.map_err(|error| {
            let exit = if error.kind() == io::ErrorKind::AddrInUse { Exit::Temporary } else { Exit::No };
            (exit, format!("cannot listen on {self}: {error}"))
        })?;
        // With port 0 the system has chosen one.
        let address = listener.tcp_addr().map_or_else(|| self.to_string(), |address| address.to_string());
        tracing::info!(%address, "listening");
        Ok(listener)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}
