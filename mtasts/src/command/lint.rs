mod report;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, stdin};
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use mta_sts_core::lint::{self, Finding};
use mta_sts_core::tlsrpt::TlsrptRecord;
use mta_sts_core::{
    DnsName, FetchError, FetchLimits, HttpResponse, Policy, PolicyDomain, Record, RecordError, Strictness,
};
use mta_sts_resolver::{
    DnsClient, DnsError, FetchedResponse, PolicyFetchError, PolicyFetchErrorKind, PolicyFetcher,
};
use serde_json::{Value, json};

use self::report::ReportLint;
use super::check::subject;
use super::findings::{Counts, Reception, Source};
use super::matching::read;
use super::network::Clients;
use super::output::{Tone, print_json, print_row, printable, span, with_progress};
use super::{Exit, Network, told};

/// Find what is wrong with a record, a policy or a TLS report, how others treat it, and how to fix it
///
/// Exit status: 0 they accept it; 1 they refuse it, it covers none of your hosts, or there is a warning and --strict
/// is given; 2 wrong usage; 66 a file cannot be read; 75 the record or the policy could not be fetched now.
///
/// Lines are wrapped to the width of the terminal; in a file or a pipe each message is a single line.
#[derive(Args, Debug)]
pub(crate) struct Lint {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Record(RecordLint),
    Policy(PolicyLint),
    Tlsrpt(TlsrptLint),
    Report(ReportLint),
}

impl Lint {
    pub(crate) async fn run(self) -> Exit {
        match self.what {
            What::Record(record) => record.run(),
            What::Policy(policy) => policy.run().await,
            What::Tlsrpt(tlsrpt) => tlsrpt.run().await,
            What::Report(report) => report.run(),
        }
    }
}

#[derive(Args, Clone, Copy, Debug)]
struct Manner {
    /// Print machine-readable JSON
    #[arg(long)]
    json: bool,
    /// Require the grammar of the RFC without tolerance, and treat warnings as errors
    #[arg(long)]
    strict: bool,
}

impl Manner {
    fn limits(self) -> FetchLimits {
        FetchLimits::new().with_strictness(self.strictness())
    }

    const fn strictness(self) -> Strictness {
        if self.strict { Strictness::Abnf } else { Strictness::Tolerant }
    }

    fn exit(self, is_accepted: bool, counts: Counts) -> Exit {
        // With --strict a warning is as bad as an error.
        if is_accepted && counts.errors == 0 && !(self.strict && counts.may_have_warnings()) {
            Exit::Fine
        } else {
            Exit::No
        }
    }
}

/// Check the TXT records at _mta-sts.DOMAIN
///
/// Exit status: 0 senders accept it; 1 they refuse it, or there is a warning and --strict is given; 2 wrong usage; 66
/// standard input cannot be read.
#[derive(Args, Debug)]
struct RecordLint {
    /// The text of one TXT record, without the quotes of a zone file; several are the records at one name; `-` reads
    /// them from standard input, one per line
    #[arg(required = true, value_name = "TEXT")]
    texts: Vec<OsString>,
    #[command(flatten)]
    manner: Manner,
}

impl RecordLint {
    fn run(self) -> Exit {
        let records = match records(&self.texts) {
            Ok(records) => records,
            Err(error) => return told(Exit::NoInput, &format!("standard input: {error}")),
        };
        let source = Source::records("TXT", &records);
        let findings = lint::rrset(&records);
        let record = Record::select(&records);
        if record.is_err() && TlsrptRecord::select(&records).is_ok() {
            anstream::eprintln!("mtasts: this is a TLSRPT record; use `mtasts lint tlsrpt`");
        }
        let counts = Counts::of(&findings);
        let printed = if self.manner.json {
            let error = record.as_ref().err();
            print_json(&json!({
                "of": "record",
                "strict": self.manner.strict,
                "accepted": record.is_ok(),
                "id": record.as_ref().ok().map(|record| record.id().as_str()),
                "error": error.map(record_error),
                "counts": counts.json(),
                "findings": source.json(&findings),
            }))
        } else {
            let (tone, sentence) = match &record {
                Ok(record) => (Tone::Good, format!("Senders use the id {}", record.id())),
                Err(_) => (Tone::Bad, "Senders see no MTA-STS record".to_owned()),
            };
            print(&source, &findings, tone, &sentence)
        };
        if printed.is_err() { Exit::No } else { self.manner.exit(record.is_ok(), counts) }
    }
}

/// The texts, with each `-` replaced by the lines of standard input.
fn records(texts: &[OsString]) -> io::Result<Vec<Vec<u8>>> {
    let mut records = Vec::new();
    for text in texts {
        if text != "-" {
            records.push(text.as_encoded_bytes().to_vec());
            continue;
        }
        let mut input = Vec::new();
        stdin().lock().take(MAX_RECORDS_LEN as u64 + 1).read_to_end(&mut input)?;
        if input.len() > MAX_RECORDS_LEN {
            return Err(io::Error::other(format!(
                "longer than {MAX_RECORDS_LEN} octets, the maximum of a DNS answer"
            )));
        }
        let lines = input.split(|octet| *octet == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        records.extend(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
    }
    Ok(records)
}

fn record_error(error: &RecordError) -> Value {
    json!({
        "code": error.code(),
        "line": error.line(),
        "offset": error.offset(),
        "message": error.kind().message(),
    })
}

/// Check the TXT records at _smtp._tls.DOMAIN, which ask for TLS reports
///
/// Exit status: 0 senders send reports; 1 they send none, or there is a warning and --strict is given; 2 wrong usage;
/// 66 standard input cannot be read; 75 DNS did not answer.
#[derive(Args, Debug)]
struct TlsrptLint {
    /// The text of one TXT record, without the quotes of a zone file; several are the records at one name; `-` reads
    /// them from standard input, one per line. For a domain, its records are looked up
    #[arg(required = true, value_name = "TEXT|DOMAIN")]
    given: Vec<OsString>,
    /// The domain of the given texts: reports that leave it are then found
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// The TTL of the records in the zone, to find one that is too short
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    network: Network,
}

impl TlsrptLint {
    async fn run(self) -> Exit {
        let domain = match self.domain.as_deref().map(subject).transpose() {
            Ok(subject) => subject.map(|subject| subject.domain),
            Err(error) => return told(Exit::Usage, &error),
        };
        // A text with an equals sign, such as that of the version, is not a domain.
        if let ([only], None) = (&self.given[..], &domain)
            && let Some(Ok(subject)) =
                only.to_str().filter(|only| !only.contains(['=', ':', ';'])).map(subject)
        {
            return self.run_on_domain(&subject.domain).await;
        }
        match records(&self.given) {
            Ok(records) => self.tell("TXT", &records, domain.as_ref(), false),
            Err(error) => told(Exit::NoInput, &format!("standard input: {error}")),
        }
    }

    async fn run_on_domain(&self, domain: &PolicyDomain) -> Exit {
        let Some(name) = domain.tlsrpt_txt_name() else {
            return told(Exit::Usage, &format!("{domain} is too long to have a TLSRPT record"));
        };
        let Clients { dns, .. } = match self.network.clients() {
            Ok(clients) => clients,
            Err((exit, what)) => return told(exit, &what),
        };
        let records = match txt(&dns, &name).await {
            Ok(records) => records,
            Err(error) => return self.tell_failure(&name, &error),
        };
        // What cannot be determined is not reported.
        let mta_sts = txt(&dns, &domain.txt_name()).await.unwrap_or_default();
        self.tell(&name, &records, Some(domain), Record::select(&mta_sts).is_ok())
    }

    fn tell_failure(&self, name: &str, error: &DnsError) -> Exit {
        if !self.manner.json {
            return told(Exit::Temporary, &printable(&format!("{name}: {error} [{}]", error.code())));
        }
        let printed = print_json(&json!({
            "of": "tlsrpt",
            "strict": self.manner.strict,
            "accepted": false,
            "uris": [],
            "error": null,
            "lookup_error": { "code": error.code(), "message": error.to_string() },
            "counts": Counts::default().json(),
            "findings": [],
        }));
        if printed.is_err() { Exit::No } else { Exit::Temporary }
    }

    fn tell(
        &self,
        name: &str,
        records: &[Vec<u8>],
        domain: Option<&PolicyDomain>,
        has_mta_sts: bool,
    ) -> Exit {
        let mut facts = lint::TlsrptFacts::new().with_mta_sts(has_mta_sts);
        if let Some(domain) = domain {
            facts = facts.with_domain(domain);
        }
        if let Some(ttl) = self.ttl {
            facts = facts.with_ttl(Duration::from_secs(ttl.into()));
        }
        let source = Source::records(name, records);
        let findings = lint::tlsrpt_rrset(records, &facts);
        let record = TlsrptRecord::select(records);
        let counts = Counts::of(&findings);
        let uris: Vec<_> = record.iter().flat_map(TlsrptRecord::uris).map(ToString::to_string).collect();
        let printed = if self.manner.json {
            print_json(&json!({
                "of": "tlsrpt",
                "strict": self.manner.strict,
                "accepted": record.is_ok(),
                "uris": uris,
                "error": record.as_ref().err().map(|error| json!({
                    "code": error.code(),
                    "line": error.line(),
                    "offset": error.offset(),
                    "message": error.kind().message(),
                })),
                "lookup_error": null,
                "counts": counts.json(),
                "findings": source.json(&findings),
            }))
        } else {
            let (tone, sentence) = match &record {
                Ok(_) => (Tone::Good, format!("Senders send reports to {}", printable(&uris.join(" and ")))),
                Err(_) => (Tone::Bad, "Senders send no reports".to_owned()),
            };
            print(&source, &findings, tone, &sentence)
        };
        if printed.is_err() { Exit::No } else { self.manner.exit(record.is_ok(), counts) }
    }
}

/// The TXT records of a name; empty if there are none.
async fn txt(dns: &DnsClient, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
    match with_progress(&format!("asking for {name}"), dns.txt(name)).await {
        Ok(answer) => Ok(answer.records),
        Err(DnsError::NotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Check a policy: in a file, or as served by the Policy Host of a domain
///
/// For a domain the MX hosts are looked up too: each should be covered.
///
/// Exit status: 0 senders accept it; 1 they refuse it, it covers none of your hosts, or there is a warning and --strict
/// is given; 2 wrong usage; 66 the file cannot be read; 75 the policy could not be fetched now.
#[derive(Args, Debug)]
struct PolicyLint {
    /// A file, `-` for standard input, or a domain whose policy is fetched. An argument with a `/`, or the name of an
    /// existing file, is a file; everything else is a domain
    #[arg(value_name = "FILE|DOMAIN")]
    given: OsString,
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    network: Network,
}

impl PolicyLint {
    async fn run(self) -> Exit {
        let file = Path::new(&self.given);
        let names_file = self.given == "-" || self.given.as_encoded_bytes().contains(&b'/');
        if names_file || file.exists() {
            return self.run_on_file(file);
        }
        let Some(given) = self.given.to_str() else {
            return told(Exit::Usage, &format!("{}: neither a file nor a domain", file.display()));
        };
        match subject(given) {
            Ok(subject) => self.run_on_domain(&subject.domain).await,
            Err(error) => {
                told(Exit::Usage, &format!("{}: no such file, and not a domain: {error}", file.display()))
            }
        }
    }

    fn run_on_file(&self, file: &Path) -> Exit {
        let name = if file == Path::new("-") { "standard input".into() } else { file.display().to_string() };
        let body = match read(file) {
            Ok(body) => body,
            Err(error) => return told(Exit::NoInput, &format!("{name}: {error}")),
        };
        let strictness = self.manner.strictness();
        let findings = lint::policy_with(&body, strictness);
        let policy = Policy::parse_with(&body, strictness).map_err(FetchError::from);
        self.tell(&Source::policy(name, &body), None, &findings, &policy, None)
    }

    async fn run_on_domain(&self, domain: &PolicyDomain) -> Exit {
        let Clients { dns, fetcher, .. } = match self.network.clients() {
            Ok(clients) => clients,
            Err((exit, what)) => return told(exit, &what),
        };
        let url = domain.policy_url();
        let what = format!("fetching {url}");
        let response = match with_progress(&what, fetch(&dns, &fetcher, &domain.policy_host())).await {
            Ok(response) => response,
            Err(failure) => return self.tell_failure(&url, &failure),
        };
        let limits = self.manner.limits();
        let answer = HttpResponse::from(&response);
        let hosts = mx_hosts(&dns, domain).await;
        let findings = match &hosts {
            Some(hosts) => lint::response_for_hosts(&answer, &limits, hosts),
            None => lint::response(&answer, &limits),
        };
        let policy = Policy::from_response(&answer, &limits);
        let source = Source::policy(url, &response.body);
        self.tell(&source, Some(&response), &findings, &policy, hosts.as_deref())
    }

    fn tell(
        &self,
        source: &Source<'_>,
        response: Option<&FetchedResponse>,
        findings: &[Finding],
        policy: &Result<Policy, FetchError>,
        hosts: Option<&[DnsName]>,
    ) -> Exit {
        let counts = Counts::of(findings);
        let reception = policy.as_ref().ok().map(|policy| Reception::of(policy, findings, hosts));
        let covers_none = reception.is_some_and(|reception| reception.covers_none);
        let printed = if self.manner.json {
            let accepted = policy.as_ref().ok();
            print_json(&json!({
                "of": "policy",
                "given": self.given.to_string_lossy(),
                "source": source.name(),
                "strict": self.manner.strict,
                "http_status": response.map(|response| response.status),
                "media_type": response
                    .and_then(|response| response.content_type.as_deref())
                    .map(String::from_utf8_lossy),
                "fetch_error": null,
                "accepted": accepted.is_some(),
                "some_refuse": reception.map(|reception| reception.some_refuse),
                "covers_none": reception.map(|reception| reception.covers_none),
                "mode": accepted.map(|policy| policy.mode().as_str()),
                "max_age": accepted.map(|policy| policy.max_age().as_secs()),
                "mx_patterns": accepted.map(mx_patterns),
                "error": policy.as_ref().err().map(policy_error),
                "counts": counts.json(),
                "findings": source.json(findings),
            }))
        } else {
            let senders = if self.manner.strict { "Strict senders" } else { "Senders" };
            let (tone, sentence) = match (policy, reception) {
                (Ok(policy), Some(reception)) => {
                    (reception.tone(), format!("{}: {}", reception.sentence(senders), summary(policy)))
                }
                _ => (Tone::Bad, format!("{senders} refuse it")),
            };
            print(source, findings, tone, &sentence)
        };
        if printed.is_err() { Exit::No } else { self.manner.exit(policy.is_ok() && !covers_none, counts) }
    }

    fn tell_failure(&self, url: &str, failure: &Failure) -> Exit {
        let (code, message) = (failure.code(), failure.to_string());
        if self.manner.json {
            let printed = print_json(&json!({
                "of": "policy",
                "given": self.given.to_string_lossy(),
                "source": url,
                "strict": self.manner.strict,
                "http_status": null,
                "media_type": null,
                "fetch_error": { "code": code, "message": message },
                "accepted": false,
                "some_refuse": null,
                "covers_none": null,
                "mode": null,
                "max_age": null,
                "mx_patterns": null,
                "error": null,
                "counts": Counts::default().json(),
                "findings": [],
            }));
            return if printed.is_err() { Exit::No } else { failure.exit() };
        }
        let told = told(failure.exit(), &printable(&format!("{url}: {message} [{code}]")));
        if matches!(failure, Failure::Dns(_)) {
            anstream::eprintln!(
                "mtasts: there is no file {}, so it is treated as a domain",
                printable(&self.given.to_string_lossy())
            );
        }
        told
    }
}

/// The reason why a Policy Host gave no response.
enum Failure {
    Dns(DnsError),
    Fetch(PolicyFetchError),
}

impl Failure {
    fn code(&self) -> &'static str {
        match self {
            Self::Dns(error) => error.code(),
            Self::Fetch(error) => error.code(),
        }
    }

    /// A temporary failure is not a fault of the Policy Host.
    fn exit(&self) -> Exit {
        match self {
            Self::Dns(DnsError::Failed(_)) => Exit::Temporary,
            Self::Fetch(error) if matches!(error.kind(), PolicyFetchErrorKind::Timeout) => Exit::Temporary,
            _ => Exit::No,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(error) => error.fmt(formatter),
            Self::Fetch(error) => error.fmt(formatter),
        }
    }
}

/// Fetches the policy without looking up the record: it can be checked before the record is published.
async fn fetch(dns: &DnsClient, fetcher: &PolicyFetcher, host: &str) -> Result<FetchedResponse, Failure> {
    let answer = dns.addresses(host).await.map_err(Failure::Dns)?;
    fetcher.fetch(host, &answer.addresses).await.map_err(Failure::Fetch)
}

/// The hosts in the MX records of a domain; `None` if there are none, or the lookup fails.
async fn mx_hosts(dns: &DnsClient, domain: &PolicyDomain) -> Option<Vec<DnsName>> {
    let answer = dns.mx(domain.as_str()).await.ok()?;
    let hosts: Vec<_> = answer.hosts.iter().filter_map(|host| DnsName::parse(&host.exchange).ok()).collect();
    (!hosts.is_empty()).then_some(hosts)
}

fn mx_patterns(policy: &Policy) -> Vec<String> {
    policy.mx_patterns().map(|pattern| pattern.to_string()).collect()
}

fn policy_error(error: &FetchError) -> Value {
    let sentence = error.policy_error().map_or(error.kind().message(), |error| error.kind().message());
    json!({ "code": error.code(), "line": error.line(), "offset": error.offset(), "message": sentence })
}

fn summary(policy: &Policy) -> String {
    let max_age = policy.max_age();
    format!("mode {}, max_age {} ({})", policy.mode(), max_age.as_secs(), span(max_age))
}

/// Prints the findings, and a one-line conclusion.
fn print(source: &Source<'_>, findings: &[Finding], tone: Tone, sentence: &str) -> io::Result<()> {
    source.print(findings)?;
    print_row(
        &format!("{}: ", source.name()),
        tone,
        &format!("{sentence}; {}.", Counts::of(findings).sentence()),
    )
}

/// No longer than a DNS message.
const MAX_RECORDS_LEN: usize = 65_535;
