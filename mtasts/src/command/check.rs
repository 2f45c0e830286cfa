mod failure;
mod remark;
mod report;
mod text;
mod todo;
mod verdict;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use mta_sts_core::lint::Severity;
use mta_sts_core::{PolicyDomain, UnixTime};
use mta_sts_resolver::{DomainCheck, DomainChecker, PeerCertificate, Resolver, SmtpClient, Standing};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub(super) use self::remark::Remark;
pub(super) use self::text::{decision, is_candidate};
pub(super) use self::todo::{Item, items};
pub(super) use self::verdict::{Verdict, some_of};
use super::network::Clients;
use super::output::{Block, Tone, print_json, print_row, width, with_progress, wrapped};
use super::{Exit, Network, told};

/// Check DOMAIN as a sender sees it: record, policy, MX hosts, STARTTLS, certificates, DANE, TLSRPT
///
/// The verdict comes first, then what to do, then each stage. No message is sent.
///
/// Exit status: 0 the policy has mode enforce or testing, and every MX host complies with it; 1 there is no MTA-STS, or
/// something is wrong; 2 wrong usage; 75 no fault was found, but not everything could be checked now.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// A domain, or an e-mail address for its domain
    #[arg(required = true, value_name = "DOMAIN", value_parser = subject)]
    domains: Vec<Subject>,
    /// Print machine-readable JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    looking: Looking,
}

impl Check {
    pub(crate) async fn run(self) -> Exit {
        let form = if self.json { Form::Json } else { Form::Stages };
        self.looking.show(&self.domains, form, &|_| Vec::new()).await
    }
}

/// How domains are looked at.
#[derive(Args, Clone, Debug)]
pub(super) struct Looking {
    /// Use this name in EHLO, instead of the system's host name
    #[arg(long, value_name = "NAME")]
    ehlo: Option<String>,
    /// Time limit for checking a domain
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = within)]
    timeout: Duration,
    /// Query each name server of the domain too, and report differences
    #[arg(long)]
    authoritative: bool,
    /// Make only the connections of a sender, without testing for TLS 1.0 and 1.1 and for clients without SNI
    #[arg(long)]
    no_probes: bool,
    /// Query name servers on this port
    #[arg(long, value_name = "N", default_value_t = 53, requires = "authoritative")]
    ns_port: u16,
    #[command(flatten)]
    network: Network,
}

/// How the results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// Each domain with all stages.
    Stages,
    /// Only domains with something to do, and what that is.
    Todo,
}

/// A domain that was looked at.
pub(super) struct Looked {
    pub(super) subject: Subject,
    pub(super) check: DomainCheck,
    pub(super) remarks: Vec<Remark>,
}

impl Looked {
    /// The standing of the check, with a fault if a remark is an error.
    pub(super) fn standing(&self) -> Standing {
        let has_error = self.remarks.iter().any(|remark| remark.severity == Severity::Error);
        self.check.standing().and(if has_error { Standing::Faulty } else { Standing::Fine })
    }
}

impl Looking {
    /// What looks at domains so.
    pub(super) fn checker(&self) -> Result<DomainChecker, (Exit, String)> {
        let mut checker = checker(&self.network, self.ehlo.as_deref())?.with_timeout(self.timeout);
        if self.no_probes {
            checker = checker.without_probes();
        }
        if self.authoritative {
            checker = checker.with_name_servers(self.ns_port);
        }
        Ok(checker)
    }

    /// Looks at domains, some at once, and shows each in the order given, with the remarks about it.
    pub(super) async fn show(
        &self,
        subjects: &[Subject],
        form: Form,
        remarks: &dyn Fn(&DomainCheck) -> Vec<Remark>,
    ) -> Exit {
        let checker = match self.checker() {
            Ok(checker) => checker,
            Err((exit, what)) => return told(exit, &what),
        };
        let mut standing = Standing::Fine;
        let mut values: Vec<Value> = Vec::new();
        let mut verdicts = Vec::new();
        let mut apart = false;
        let running = start(&checker, subjects);
        for (subject, running) in subjects.iter().zip(running) {
            let what = format!("checking {}", subject.domain);
            let check = match with_progress(&what, running).await {
                Ok(check) => check,
                Err(error) => return told(Exit::Temporary, &error.to_string()),
            };
            let looked = Looked { subject: subject.clone(), remarks: remarks(&check), check };
            standing = standing.and(looked.standing());
            if form == Form::Json {
                values.push(report::json(&looked));
                continue;
            }
            let printed = if form == Form::Todo {
                text::print_todo(&looked, apart)
            } else {
                text::print(&looked, apart).map(|()| true)
            };
            match printed {
                Ok(was_printed) => apart |= was_printed,
                // The output was closed.
                Err(_) => return Exit::No,
            }
            verdicts.push((subject.title(), Verdict::of(&looked)));
        }
        let printed = if form == Form::Json {
            print_json(&json!({ "format": FORMAT, "domains": values }))
        } else {
            print_end(&verdicts, standing, apart)
        };
        if printed.is_err() {
            return Exit::No;
        }
        match standing {
            Standing::Fine => Exit::Fine,
            Standing::Temporary => Exit::Temporary,
            Standing::Faulty => Exit::No,
        }
    }
}

/// What looks at domains, over this network.
fn checker(network: &Network, ehlo: Option<&str>) -> Result<DomainChecker, (Exit, String)> {
    let Clients { dns, fetcher, trust_store } = network.clients()?;
    let smtp = SmtpClient::new(&ehlo.map_or_else(host_name, str::to_owned), trust_store);
    Ok(DomainChecker::new(Resolver::new(dns, fetcher), smtp).with_smtp_port(network.smtp_port))
}

/// A look at a domain, for commands that need it beside other things.
pub(super) struct LiveCheck {
    checker: DomainChecker,
}

impl LiveCheck {
    pub(super) fn new(network: &Network) -> Result<Self, (Exit, String)> {
        Ok(Self { checker: checker(network, None)?.without_probes() })
    }

    pub(super) async fn look_at(&self, domain: &PolicyDomain) -> DomainCheck {
        let check = Box::pin(self.checker.check(domain.clone(), now()));
        with_progress(&format!("checking {domain}"), check).await
    }

    /// Looks at several, some at once.
    pub(super) fn start(&self, subjects: &[Subject]) -> Vec<JoinHandle<DomainCheck>> {
        start(&self.checker, subjects)
    }
}

/// Prints what follows all domains: a line for each if there are several, and the exit status if it is not 0.
fn print_end(verdicts: &[(String, Verdict)], standing: Standing, apart: bool) -> io::Result<()> {
    if verdicts.len() > 1 {
        text::print_summary(verdicts, apart)?;
    }
    let Some((label, reason)) = Verdict::exit_reason(standing) else { return Ok(()) };
    Block::gap()?;
    for line in wrapped(&format!("{label}: {reason}"), width(), 0) {
        print_row("", Tone::Note, &line)?;
    }
    Ok(())
}

/// The number of days for which a certificate and its chain remain valid; negative if one of them has expired.
fn days_left(check: &DomainCheck, certificate: &PeerCertificate) -> i64 {
    let now = i64::try_from(check.now.as_secs()).unwrap_or(i64::MAX);
    end_of(certificate).saturating_sub(now).div_euclid(86_400)
}

/// The end of a certificate, or of one in its chain, in seconds since 1970.
pub(super) fn end_of(certificate: &PeerCertificate) -> i64 {
    certificate.chain().not_after().unwrap_or(certificate.not_after())
}

/// Parses a span of time: `20s`, `1m`; a plain number is in seconds.
fn within(text: &str) -> Result<Duration, String> {
    let span = text.parse().map(Duration::from_secs).or_else(|_| humantime::parse_duration(text));
    match span {
        Ok(span) if span >= Duration::from_secs(1) && span <= MAX_TIMEOUT => Ok(span),
        _ => Err("expected a span of 1 second to 10 minutes, such as 20s".to_owned()),
    }
}

/// A domain as it was given, and as it is looked up.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    given: String,
    pub(super) domain: PolicyDomain,
}

impl Subject {
    /// The domain in A-labels, and in U-labels if it was given so.
    fn title(&self) -> String {
        let (_, given) = self.given.rsplit_once('@').unwrap_or(("", &self.given));
        if given.is_ascii() {
            self.domain.to_string()
        } else {
            format!("{} ({})", given.trim_end_matches('.'), self.domain)
        }
    }
}

impl From<PolicyDomain> for Subject {
    fn from(domain: PolicyDomain) -> Self {
        Self { given: domain.to_string(), domain }
    }
}

pub(super) fn subject(given: &str) -> Result<Subject, String> {
    if given.parse::<IpAddr>().is_ok() {
        return Err("this is an IP address, not a domain".to_owned());
    }
    if let Some((local_part, _)) = given.rsplit_once('@')
        && local_part.contains('@')
        && !(local_part.starts_with('"') && local_part.ends_with('"'))
    {
        return Err("this has more than one @".to_owned());
    }
    let domain =
        if given.contains('@') { PolicyDomain::of_recipient(given) } else { PolicyDomain::parse(given) };
    domain
        .map(|domain| Subject { given: given.to_owned(), domain })
        .map_err(|error| format!("{} [{}]", error.kind().message(), error.code()))
}

/// Starts all checks; only a few run at once.
fn start(checker: &DomainChecker, subjects: &[Subject]) -> Vec<JoinHandle<DomainCheck>> {
    // Many domains at once need more than the usual 1,024.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    start_each(subjects.iter().map(|subject| {
        let (checker, domain) = (checker.clone(), subject.domain.clone());
        async move { checker.check(domain, now()).await }
    }))
}

/// Starts what looks at one domain each; only a few run at once.
pub(super) fn start_each<F>(looks: impl Iterator<Item = F>) -> Vec<JoinHandle<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    let turnstile = Arc::new(Semaphore::new(DOMAINS_AT_ONCE));
    let start_one = |look: F| {
        let turnstile = Arc::clone(&turnstile);
        tokio::spawn(async move {
            let _turn = turnstile.acquire().await;
            look.await
        })
    };
    looks.map(start_one).collect()
}

pub(crate) fn now() -> UnixTime {
    UnixTime::from_secs(UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
}

/// The host name of the system; servers may be strict about the name, but a check only needs STARTTLS.
pub(super) fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Each needs some twenty sockets at most, most of them one or two.
const DOMAINS_AT_ONCE: usize = 32;
const MAX_TIMEOUT: Duration = Duration::from_secs(600);
/// The version of the JSON: incremented when a member is removed or changes its meaning, not when one is added.
pub(super) const FORMAT: u32 = 1;
