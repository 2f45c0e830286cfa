//! The configuration of the daemon: from defaults, from its file, and from its command line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mta_sts_core::postfix::Form;
use mta_sts_core::{FetchLimits, LookupConfig};
use mta_sts_resolver::{
    DnsClient, DnsConfig, DnsError, EntryStore, PolicyFetcher, Resolver, ServiceConfig, StoreError,
    TrustStore, TrustStoreError,
};
use mtasts_socketmap::{
    DaneAnswer, DaneLookup, DnsFailureAnswer, FetchFailureAnswer, MatchNames, SocketAccess, SocketmapConfig,
    Zone, Zones,
};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use toml::Table;

use super::super::Exit;
use super::super::daemons::value::{Maybe, Size, Span, text, texts};
use super::super::daemons::{Fault, Log};
use super::super::dns_server::DnsServer;
use super::super::store::StorePlace;
use super::access::{SocketMode, SocketOwner, access};
use super::file_budget::FileBudget;
use super::metrics::DEFAULT_ZONE;
use super::place::Place;
use super::report_keys::{ReportKeys, SocketPath};

/// Every option of `mtasts serve`, under its key in the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Configuration {
    #[serde(with = "texts")]
    pub(super) listen: Vec<Place>,
    #[serde(with = "text")]
    pub(super) socket_mode: SocketMode,
    #[serde(with = "text")]
    pub(super) socket_owner: Maybe<SocketOwner>,
    #[serde(with = "text")]
    pub(super) store: StorePlace,
    #[serde(with = "text")]
    pub(super) metrics: Maybe<SocketAddr>,
    #[serde(with = "text")]
    pub(super) control: Maybe<String>,
    #[serde(with = "text")]
    pub(super) control_mode: SocketMode,
    #[serde(with = "text")]
    pub(super) control_owner: Maybe<SocketOwner>,
    #[serde(with = "text")]
    pub(super) overrides: Maybe<String>,
    #[serde(with = "texts")]
    pub(super) dns: Vec<DnsServer>,
    pub(super) danger_trust_ad_bit_of_any_server: bool,
    #[serde(with = "text")]
    pub(super) ca_file: Maybe<String>,
    pub(super) https_port: u16,
    #[serde(with = "text")]
    pub(super) https_proxy: Maybe<SocketAddr>,
    pub(super) refuse_private_addresses: bool,
    #[serde(with = "text")]
    pub(super) tlsrpt: Maybe<SocketPath>,
    #[serde(with = "text")]
    pub(super) tlsrpt_mode: SocketMode,
    #[serde(with = "text")]
    pub(super) tlsrpt_owner: Maybe<SocketOwner>,
    #[serde(with = "text")]
    pub(super) tlsrpt_forward: Maybe<SocketPath>,
    pub(super) log: Log,
    pub(super) limits: Limits,
    pub(super) report: ReportKeys,
    pub(super) zone: ZoneKeys,
    #[serde(deserialize_with = "named_zones")]
    pub(super) zones: BTreeMap<String, ZoneKeys>,
}

/// The limits: sizes, numbers, and times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Limits {
    max_entries: NonZeroUsize,
    #[serde(with = "text")]
    max_memory: Size,
    #[serde(with = "text")]
    max_store_size: Size,
    max_clients: NonZeroUsize,
    lookups_at_once: NonZeroUsize,
    lookups_waiting: NonZeroUsize,
    refreshes_at_once: NonZeroUsize,
    pub(super) fetches_at_once: NonZeroUsize,
    pub(super) fetches_from_one_address: NonZeroUsize,
    #[serde(with = "text")]
    answer_within: AnswerSpan,
    #[serde(with = "text")]
    answer_within_if_cached: Span,
    #[serde(with = "text")]
    fetch_timeout: Span,
    #[serde(with = "text")]
    pub(super) dns_timeout: Maybe<Span>,
    #[serde(with = "text")]
    pub(super) dns_attempts: Maybe<NonZeroU32>,
    #[serde(with = "text")]
    pub(super) dns_deadline: Span,
    #[serde(with = "text")]
    idle_timeout: Span,
    #[serde(with = "text")]
    request_timeout: Span,
    #[serde(with = "text")]
    stop_within: Span,
}

/// How the lookups of a map are answered. Missing keys are taken from the default zone.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ZoneKeys {
    /// Form of the answers to Postfix [default: basic]
    #[arg(long, value_enum, value_name = "FORM")]
    form: Option<AnswerForm>,
    /// Names that the certificate of an MX host must match [default: patterns]
    #[arg(long = "match", value_enum, value_name = "NAMES")]
    #[serde(rename = "match")]
    match_names: Option<Match>,
    /// Answer if DANE applies to MX hosts of the destination [default: dane-only]
    #[arg(long, value_enum, value_name = "ANSWER")]
    dane: Option<OnDane>,
    /// Destinations for which DANE is looked up [default: with-policy]
    #[arg(long, value_enum, value_name = "WHICH")]
    dane_lookup: Option<LookUpDane>,
    /// Answer if DNS does not tell whether there is a policy, and none is cached [default: temporary]
    #[arg(long, value_enum, value_name = "ANSWER")]
    on_dns_failure: Option<OnDnsFailure>,
    /// Answer if there is a policy that cannot be fetched, and none is cached [default: not-found]
    #[arg(long, value_enum, value_name = "ANSWER")]
    on_fetch_failure: Option<OnFetchFailure>,
    #[arg(skip)]
    #[serde(with = "text")]
    answer_within: Maybe<AnswerSpan>,
}

/// The time for an answer, during which Postfix must still be waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AnswerSpan(Duration);

impl FromStr for AnswerSpan {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse()? {
            Span(span) if span > MAX_ANSWER_WITHIN => {
                Err("the maximum is 85s: Postfix waits 100 s, of which DANE may take 15 s")
            }
            Span(span) => Ok(Self(span)),
        }
    }
}

impl fmt::Display for AnswerSpan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(formatter)
    }
}

const MAX_ANSWER_WITHIN: Duration = Duration::from_secs(85);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum AnswerForm {
    /// Level and names, for every Postfix since 3.4
    #[default]
    Basic,
    /// The policy too, for Postfix 3.10.5 and later, which then checks the names of MX hosts; older ones defer all mail
    Extended,
    /// The same, and mode testing as level may, so that Postfix reports it in TLSRPT
    ExtendedWithTesting,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Match {
    /// The patterns of the policy, as interpreted by Postfix
    #[default]
    Patterns,
    /// Those of the domain's MX hosts that the policy covers; their MX records are looked up for each answer
    MxHosts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum OnDane {
    /// Level dane-only; or dane, if only some hosts have DANE and no policy is enforced
    #[default]
    DaneOnly,
    /// No answer, for a Postfix whose own level is dane
    NotFound,
    /// Ignore DANE: MTA-STS overrides it
    DangerIgnore,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum LookUpDane {
    /// Those with a policy in mode enforce or testing
    #[default]
    WithPolicy,
    /// All
    Always,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum OnDnsFailure {
    /// Answer TEMP: mail stays in the queue
    #[default]
    Temporary,
    /// Answer that there is no policy: mail is delivered unprotected
    DangerNotFound,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum OnFetchFailure {
    /// Answer that there is no policy, as RFC 8461, 3.3 requires: mail is delivered unprotected
    #[default]
    NotFound,
    /// Answer TEMP: mail stays in the queue, even to a domain whose policy is broken
    Temporary,
}

impl Configuration {
    /// Reads a file.
    pub(super) fn read(file: &Path) -> Result<Self, ConfigurationError> {
        let octets = std::fs::read(file)
            .map_err(|error| ConfigurationError::Unreadable(format!("{}: {error}", file.display())))?;
        let text = Fault::text(file, octets).map_err(ConfigurationError::Faulty)?;
        Self::parse(file, &text).map_err(ConfigurationError::Faulty)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, Fault> {
        toml::from_str::<Self>(text).map_err(|error| Fault::toml(file, text, &error))
    }

    /// Fills in the value of every key of every zone.
    pub(super) fn complete(mut self) -> Self {
        self.zone = self.zone.or(&ZoneKeys::all_defaults());
        for keys in self.zones.values_mut() {
            *keys = std::mem::take(keys).or(&self.zone);
        }
        self
    }

    /// The servers in the file, without those of the system.
    pub(super) fn dns_servers(&self) -> impl Iterator<Item = SocketAddr> {
        self.dns.iter().map(|DnsServer(server)| *server)
    }

    /// The configuration as a complete file.
    pub(super) fn to_toml(&self) -> String {
        // TOML supports every type in it.
        toml::to_string(self).unwrap_or_default()
    }

    /// The keys whose values differ in `other`, such as `limits.max-clients`.
    pub(super) fn differences(&self, other: &Self) -> BTreeSet<String> {
        let (mine, others) = (self.values(), other.values());
        let differs = |key: &&String| mine.get(*key) != others.get(*key);
        mine.keys().chain(others.keys()).filter(differs).cloned().collect()
    }

    fn values(&self) -> BTreeMap<String, toml::Value> {
        let mut values = BTreeMap::new();
        flatten("", Table::try_from(self).unwrap_or_default(), &mut values);
        values
    }

    pub(super) fn zones(&self) -> Zones {
        let complete = self.clone().complete();
        complete
            .zones
            .iter()
            .fold(Zones::new(complete.zone.zone()), |zones, (name, keys)| zones.with_zone(name, keys.zone()))
    }

    /// The desired budget, if there were enough file descriptors.
    pub(super) fn file_budget(&self) -> FileBudget {
        FileBudget {
            clients: self.limits.max_clients.get(),
            fetches: self.limits.fetches_at_once.get(),
            dns_sockets: DNS_SOCKETS,
        }
    }

    pub(super) fn fetcher(&self, trust_store: TrustStore) -> PolicyFetcher {
        let fetcher = PolicyFetcher::new(trust_store)
            .with_port(self.https_port)
            .with_private_addresses_refused(self.refuse_private_addresses);
        match self.https_proxy.0 {
            Some(proxy) => fetcher.with_proxy(proxy),
            None => fetcher,
        }
    }

    pub(super) fn resolver(&self, dns: DnsClient, trust_store: TrustStore, files: FileBudget) -> Resolver {
        let limits = &self.limits;
        let fetch_limits = FetchLimits::new().with_timeout(limits.fetch_timeout.0);
        let lookup = LookupConfig::new().with_fetch_limits(fetch_limits);
        Resolver::new(dns, self.fetcher(trust_store))
            .with_config(lookup)
            .with_dns_lookups_at_once(limits.lookups_at_once.get())
            .with_fetches_at_once(limits.fetches_from_one_address.get(), files.fetches)
    }

    pub(super) fn dns_client(&self, files: FileBudget) -> Result<DnsClient, DnsError> {
        let mut config = match self.dns.split_first() {
            Some((DnsServer(first), rest)) => rest
                .iter()
                .fold(DnsConfig::new(*first), |config, DnsServer(server)| config.with_server(*server)),
            None => DnsConfig::from_system()?,
        };
        if let Some(Span(timeout)) = self.limits.dns_timeout.0 {
            config = config.with_timeout(timeout);
        }
        if let Some(attempts) = self.limits.dns_attempts.0 {
            config = config.with_attempts(attempts.get());
        }
        if self.danger_trust_ad_bit_of_any_server {
            config = config.with_danger_trust_ad_bit_of_any_server(true);
        }
        let config = config.with_deadline(self.limits.dns_deadline.0).with_sockets_at_once(files.dns_sockets);
        Ok(DnsClient::new(config))
    }

    pub(super) fn trust_store(&self) -> Result<TrustStore, TrustStoreError> {
        self.ca_file.0.as_ref().map_or_else(TrustStore::platform, TrustStore::from_pem_file)
    }

    /// The store of the daemon.
    pub(super) fn open_store(&self) -> Result<Option<Arc<dyn EntryStore>>, StoreError> {
        self.store.open_for_daemon(self.limits.max_store_size.0)
    }

    pub(super) fn service_config(&self) -> ServiceConfig {
        ServiceConfig::new()
            .with_max_entries(self.limits.max_entries.get())
            .with_max_octets(usize::try_from(self.limits.max_memory.0).unwrap_or(usize::MAX))
            .with_max_waiting(self.limits.lookups_waiting.get())
            .with_refreshes_at_once(self.limits.refreshes_at_once.get())
            .with_answer_within(self.limits.answer_within.0)
            .with_answer_within_if_cached(self.limits.answer_within_if_cached.0)
            .with_log_domains(self.log.domains)
    }

    /// The permissions of the sockets for mail servers.
    pub(super) fn socket_access(&self) -> SocketAccess {
        access(self.socket_mode, self.socket_owner.0.as_ref())
    }

    /// The permissions of the control socket.
    pub(super) fn control_access(&self) -> SocketAccess {
        access(self.control_mode, self.control_owner.0.as_ref())
    }

    pub(super) fn socketmap_config(&self) -> SocketmapConfig {
        SocketmapConfig::new()
            .with_max_clients(self.limits.max_clients.get())
            .with_idle_timeout(self.limits.idle_timeout.0)
            .with_request_timeout(self.limits.request_timeout.0)
            .with_stop_within(self.limits.stop_within.0)
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            listen: vec![Place::Tcp((Ipv4Addr::LOCALHOST, 8461).into())],
            socket_mode: SocketMode(0o666),
            socket_owner: Maybe(None),
            store: StorePlace::default(),
            metrics: Maybe(None),
            control: Maybe(default_control()),
            control_mode: SocketMode(0o600),
            control_owner: Maybe(None),
            overrides: Maybe(None),
            dns: Vec::new(),
            danger_trust_ad_bit_of_any_server: false,
            ca_file: Maybe(None),
            https_port: 443,
            https_proxy: Maybe(None),
            refuse_private_addresses: false,
            tlsrpt: Maybe(None),
            tlsrpt_mode: SocketMode(0o666),
            tlsrpt_owner: Maybe(None),
            tlsrpt_forward: Maybe(None),
            log: Log::default(),
            limits: Limits::default(),
            report: ReportKeys::default(),
            zone: ZoneKeys::default(),
            zones: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const fn count(number: usize) -> NonZeroUsize {
            NonZeroUsize::new(number).expect("the number must not be 0")
        }
        Self {
            max_entries: const { count(65_536) },
            max_memory: Size(256 << 20),
            max_store_size: Size(256 << 20),
            max_clients: const { count(16_384) },
            lookups_at_once: const { count(512) },
            lookups_waiting: const { count(4096) },
            refreshes_at_once: const { count(16) },
            fetches_at_once: const { count(256) },
            fetches_from_one_address: const { count(8) },
            answer_within: AnswerSpan(Duration::from_secs(10)),
            answer_within_if_cached: Span::from_secs(1),
            fetch_timeout: Span::from_secs(60),
            dns_timeout: Maybe(None),
            dns_attempts: Maybe(None),
            dns_deadline: Span::from_secs(10),
            idle_timeout: Span::from_secs(300),
            request_timeout: Span::from_secs(10),
            stop_within: Span::from_secs(10),
        }
    }
}

impl ZoneKeys {
    /// These keys, with missing ones taken from `other`.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            form: self.form.or(other.form),
            match_names: self.match_names.or(other.match_names),
            dane: self.dane.or(other.dane),
            dane_lookup: self.dane_lookup.or(other.dane_lookup),
            on_dns_failure: self.on_dns_failure.or(other.on_dns_failure),
            on_fetch_failure: self.on_fetch_failure.or(other.on_fetch_failure),
            answer_within: Maybe(self.answer_within.0.or(other.answer_within.0)),
        }
    }

    fn all_defaults() -> Self {
        Self {
            form: Some(AnswerForm::default()),
            match_names: Some(Match::default()),
            dane: Some(OnDane::default()),
            dane_lookup: Some(LookUpDane::default()),
            on_dns_failure: Some(OnDnsFailure::default()),
            on_fetch_failure: Some(OnFetchFailure::default()),
            answer_within: Maybe(None),
        }
    }

    fn zone(&self) -> Zone {
        let zone = Zone::new()
            .with_form(match self.form.unwrap_or_default() {
                AnswerForm::Basic => Form::Basic,
                AnswerForm::Extended => Form::Extended,
                AnswerForm::ExtendedWithTesting => Form::ExtendedWithTesting,
            })
            .with_match_names(match self.match_names.unwrap_or_default() {
                Match::Patterns => MatchNames::Patterns,
                Match::MxHosts => MatchNames::MxHosts,
            })
            .with_dane(match self.dane.unwrap_or_default() {
                OnDane::DaneOnly => DaneAnswer::DaneOnly,
                OnDane::NotFound => DaneAnswer::NotFound,
                OnDane::DangerIgnore => DaneAnswer::Ignore,
            })
            .with_dane_lookup(match self.dane_lookup.unwrap_or_default() {
                LookUpDane::WithPolicy => DaneLookup::WithPolicy,
                LookUpDane::Always => DaneLookup::Always,
            })
            .with_dns_failure(match self.on_dns_failure.unwrap_or_default() {
                OnDnsFailure::Temporary => DnsFailureAnswer::Temporary,
                OnDnsFailure::DangerNotFound => DnsFailureAnswer::NotFound,
            })
            .with_fetch_failure(match self.on_fetch_failure.unwrap_or_default() {
                OnFetchFailure::NotFound => FetchFailureAnswer::NotFound,
                OnFetchFailure::Temporary => FetchFailureAnswer::Temporary,
            });
        match self.answer_within.0 {
            Some(AnswerSpan(limit)) => zone.with_answer_within(limit),
            None => zone,
        }
    }
}

/// The default control socket: in the first of the runtime directories of a systemd unit; none without one.
fn default_control() -> Option<String> {
    let folders = std::env::var("RUNTIME_DIRECTORY").ok()?;
    folders.split(':').next().filter(|folder| !folder.is_empty()).map(|folder| format!("{folder}/control"))
}

/// The default of the library.
const DNS_SOCKETS: usize = 1024;

/// The reason why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ConfigurationError {
    /// A file cannot be read.
    Unreadable(String),
    /// A file has a mistake.
    Faulty(Fault),
    /// An environment variable has a mistake.
    Environment(String),
    /// A value from the command line cannot work.
    Unworkable(String),
}

impl ConfigurationError {
    /// The exit status of a command after this error.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unreadable(_) => Exit::NoInput,
            Self::Faulty(_) => Exit::Configuration,
            Self::Environment(_) | Self::Unworkable(_) => Exit::Usage,
        }
    }
}

/// The exit status of a command without certificate authorities.
pub(super) fn exit_of_trust_store(error: &TrustStoreError) -> Exit {
    match error {
        TrustStoreError::Unreadable { .. } => Exit::NoInput,
        _ => Exit::Configuration,
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(what) | Self::Environment(what) | Self::Unworkable(what) => {
                formatter.write_str(what)
            }
            Self::Faulty(fault) => fault.fmt(formatter),
        }
    }
}

fn named_zones<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, ZoneKeys>, D::Error> {
    let zones = BTreeMap::<String, ZoneKeys>::deserialize(deserializer)?;
    if zones.contains_key(DEFAULT_ZONE) {
        return Err(D::Error::custom("use [zone] for the default zone, not [zones.default]"));
    }
    Ok(zones)
}

/// Flattens nested tables into one, with dots in the keys.
fn flatten(prefix: &str, table: Table, values: &mut BTreeMap<String, toml::Value>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(table) => flatten(&key, table, values),
            value => drop(values.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(Path::new("mtasts.toml"), text).map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let ours = Configuration::default();
        assert_eq!(format!("{:?}", ours.service_config()), format!("{:?}", ServiceConfig::new()));
        assert_eq!(format!("{:?}", ours.socketmap_config()), format!("{:?}", SocketmapConfig::new()));
        assert_eq!(ours.zones(), Zones::default());
        let server = "192.0.2.53:53".parse().unwrap();
        let asked = Configuration { dns: vec![DnsServer(server)], ..ours };
        let dns = asked.dns_client(asked.file_budget()).unwrap();
        assert_eq!(format!("{dns:?}"), format!("{:?}", DnsClient::of_server(server)));
        assert_eq!(asked.limits.fetch_timeout.0, FetchLimits::new().timeout());
    }

    #[test]
    fn a_zone_says_only_what_is_other() {
        let configuration = parse(
            "[zone]\nform = 'extended'\n[zones.strict]\nmatch = 'mx-hosts'\n[zones.old]\nform = 'basic'\n",
        );
        let default = Zone::new().with_form(Form::Extended);
        assert_eq!(
            configuration.unwrap().zones(),
            Zones::new(default.clone())
                .with_zone("strict", default.with_match_names(MatchNames::MxHosts))
                .with_zone("old", Zone::new())
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_is_expected() {
        for (text, place, expected) in [
            ("lisen = []", "1:1", "expected one of `listen`, `socket-mode`"),
            ("\n[limits]\nmax-clients = 0", "3:15", "a whole number above 0"),
            ("[limits]\nanswer-within = 80", "2:17", "expected a string"),
            ("[limits]\nanswer-within = '80'", "2:17", "such as \"30s\""),
            ("[limits]\nanswer-within = '86s'", "2:17", "maximum is 85s"),
            ("[zone]\nanswer-within = '300s'", "2:17", "maximum is 85s"),
            ("[zones.a]\nanswer-within = '0s'", "2:17", "longer than 0"),
            ("[limits]\nstop-within = '0s'", "2:15", "longer than 0"),
            ("listen = ['localhost']", "1:10", "expected an address and a port"),
            ("listen = '127.0.0.1:1'", "1:10", "expected a list in [ ]"),
            ("dns = ['one']", "1:7", "expected an address"),
            ("[zone]\nform = 'long'", "2:8", "expected one of `basic`"),
            ("[zones.a]\nfrom = 'basic'", "2:1", "expected one of `form`"),
            ("[zones.default]\nform = 'basic'", "1:2", "use [zone] for the default zone"),
            ("[log]\nlevel = 'loud'", "2:9", "expected"),
            ("https-port = 70000", "1:14", "expected u16"),
            ("store = 'files'", "1:9", "expected memory"),
            ("[limits]\nmax-store-size = '0 MiB'", "2:18", "such as \"256 MiB\""),
            ("[limits]\nmax-store-size = '5 MB'", "2:18", "such as \"256 MiB\""),
            ("a = 1\na = 2", "2:1", "duplicate key"),
            ("listen = [", "1:11", "unclosed array"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.starts_with(&format!("mtasts.toml:{place}: ")) && told.contains(expected), "{told}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "metrics = '127.0.0.1:1'\ndns = ['192.0.2.1']\n[limits]\nidle-timeout = '5m 3s'\nmax-store-size = '3 GiB'\n[zones.'a b']\n";
        let configuration = parse(text).unwrap().complete();
        assert_eq!(parse(&configuration.to_toml()).unwrap(), configuration);
        let changed: Vec<_> =
            configuration.differences(&Configuration::default().complete()).into_iter().collect();
        assert_eq!(
            changed,
            [
                "dns",
                "limits.idle-timeout",
                "limits.max-store-size",
                "metrics",
                "zones.a b.answer-within",
                "zones.a b.dane",
                "zones.a b.dane-lookup",
                "zones.a b.form",
                "zones.a b.match",
                "zones.a b.on-dns-failure",
                "zones.a b.on-fetch-failure"
            ]
        );
    }
}
