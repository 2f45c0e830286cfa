use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use hickory_proto::rr::RecordType;
use hickory_server::Server;
use rustls::sign::CertifiedKey;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::authority::{Authorities, key_digest};
use crate::control;
use crate::dns::{self, Authority};
use crate::error::WorldError;
use crate::https::{HttpsServer, PolicyHostBehaviour, Site};
use crate::live::{CONTROL, Live, MailHost};
use crate::plan::{DNS_ADDRESS, HTTPS_PORT, MailService, Plan, PolicyHostPlan, SECOND_DNS_ADDRESS, TlsaPlan};
use crate::reports::{MailReception, Reception, Replaceable, ReportHostBehaviour, TlsrptAnswer};
use crate::scenario::{Scenario, State, States, When};
use crate::seen::{Record, Seen};
use crate::smtp::{Service, SmtpServer};
use crate::table;
use crate::tls::{self, WithoutSni};
use crate::zone::{Data, DnsServer, Fault, SettableType};

/// A running world: one DNS server, many Policy Hosts and MX hosts, all on loopback.
///
/// It lives in the tokio runtime that it was started in, and ends with [`World::shutdown`] or when it is dropped.
/// Several worlds can run at once: they have the same addresses and other ports.
pub struct World {
    live: Arc<Live>,
    dns: Server<Authority>,
    second_dns: Option<Server<Authority>>,
    tasks: JoinSet<()>,
}

/// The addresses and ports of a world. By default, the system chooses all ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldConfig {
    /// The DNS server; default 127.83.0.53 and a free port. Port 0 also means a free port.
    pub dns: Option<SocketAddr>,
    /// The port of all Policy Hosts; by default, one that is free on all their addresses.
    pub https_port: Option<u16>,
    /// The port of all MX hosts; by default, one that is free on all their addresses.
    pub smtp_port: Option<u16>,
    /// How many customers `provider.test` has, for measurements: `d0.customer.test`, `d1.customer.test`, and so on. All is well with
    /// each: a record, an enforced policy of its own, an MX host at the provider, and a TLSRPT record. Default: none.
    pub customers: u16,
}

impl World {
    /// Starts the world. When this returns, all servers listen and every scenario is in its initial state.
    ///
    /// # Errors
    ///
    /// [`WorldError::Bind`] if a fixed port is not available, [`WorldError::NoCommonPort`] if the system has no port that
    /// is free on all addresses, [`WorldError::Certificate`].
    pub async fn start(config: WorldConfig) -> Result<Self, WorldError> {
        // Worlds that start at once may take a port from each other while they settle: then another one is tried.
        for _ in 1..MAX_STARTS {
            match Self::start_once(&config).await {
                Err(WorldError::Bind { .. } | WorldError::NoCommonPort { .. })
                    if config == WorldConfig::default() => {}
                started => return started,
            }
        }
        Self::start_once(&config).await
    }

    async fn start_once(config: &WorldConfig) -> Result<Self, WorldError> {
        let plan = table::plan(config.customers);
        let authorities = Authorities::new()?;
        let states = Arc::new(States::new(&plan.scenarios));
        let seen = Arc::new(Record::default());

        let ((udp, tcp), second) = bind_dns(config.dns).await?;
        let dns_addr = tcp.local_addr().map_err(|source| no_port("dns", source))?;
        let https_addresses: Vec<_> = plan.policy_hosts.keys().copied().collect();
        let (https_port, https_listeners) = bind_all("https", &https_addresses, config.https_port)?;
        let smtp_addresses: Vec<_> = plan.mail_hosts.iter().map(|host| host.address).collect();
        let (smtp_port, smtp_listeners) = bind_all("smtp", &smtp_addresses, config.smtp_port)?;

        let mail_hosts = plan.mail_hosts.iter().map(MailHost::from).collect();
        let Plan {
            scenarios,
            mut zone,
            policy_hosts,
            mail_hosts: mail_plans,
            without_sni,
            txt_with_port,
            ..
        } = plan;
        for (name, text) in txt_with_port {
            let text = text.replace(HTTPS_PORT, &https_port.to_string());
            zone.add(&name, Data::Txt(vec![text]), When::Always);
        }
        let without_sni = without_sni
            .into_iter()
            .map(|(name, shown)| Ok((name, shown.try_map(|certificate| authorities.issue(certificate))?)))
            .collect::<Result<BTreeMap<_, _>, WorldError>>()?;
        let without_sni = |host: &str| without_sni.get(host).cloned().unwrap_or_default();
        let mut tasks = JoinSet::new();

        let mut https = Vec::new();
        for (listener, (address, plans)) in https_listeners.into_iter().zip(policy_hosts) {
            let sites = sites(plans, &authorities, without_sni)?;
            let server = HttpsServer::new(listener, address, https_port, sites, states.clone(), seen.clone());
            let server = Arc::new(server);
            tasks.spawn(server.clone().serve());
            https.push(server);
        }

        let mut receptions = BTreeMap::new();
        for (listener, plan) in smtp_listeners.into_iter().zip(mail_plans) {
            let services = plan.service.try_map(|service| {
                let certificate = certificate(service, &authorities)?;
                let served = mail_service(service, certificate.clone(), without_sni(&plan.name));
                Ok::<_, WorldError>((certificate, served))
            })?;
            if let (Some(tlsa), Some(certificate)) = (plan.tlsa, &services.calm.0) {
                let digest = key_digest(certificate).unwrap_or_default();
                // A sender asks at the port that it connects to; one before a redirected port 25, at 25.
                for port in BTreeSet::from([SMTP_PORT, smtp_port]) {
                    let name = format!("_{port}._tcp.{}", plan.name);
                    zone.add(&name, tlsa_data(tlsa, digest, port), When::Always);
                }
            }
            let service = services.map(|(_, served)| served.clone());
            let reception = Arc::new(Reception::new(plan.reception));
            receptions.insert(plan.name.clone(), reception.clone());
            let server = SmtpServer {
                host: plan.name,
                address: plan.address,
                owner: plan.owner,
                service,
                deprecated_tls: plan.deprecated_tls,
                reception,
                states: states.clone(),
                seen: seen.clone(),
            };
            tasks.spawn(Arc::new(server).serve(listener));
        }

        let zone = Arc::new(zone);
        let authority =
            |server| Authority { zone: zone.clone(), states: states.clone(), seen: seen.clone(), server };
        let dns = dns::serve(udp, tcp, authority(DnsServer::First));
        let second_dns = second.map(|(udp, tcp)| dns::serve(udp, tcp, authority(DnsServer::Second)));
        let live = Arc::new(Live {
            dns_addr,
            https_port,
            smtp_port,
            ca_pem: authorities.ca_pem(),
            scenarios,
            mail_hosts,
            zone,
            states,
            seen,
            https,
            receptions,
            directory: Mutex::new(None),
            runtime: Handle::current(),
        });
        live.settle()?;
        Ok(Self { live, dns, second_dns, tasks })
    }

    /// The DNS server, for UDP and TCP.
    pub fn dns_addr(&self) -> SocketAddr {
        self.live.dns_addr
    }

    /// The port of all Policy Hosts.
    pub fn https_port(&self) -> u16 {
        self.live.https_port
    }

    /// The port of all MX hosts.
    pub fn smtp_port(&self) -> u16 {
        self.live.smtp_port
    }

    /// The certificate of the throw-away CA, the only one to trust in this world.
    pub fn ca_pem(&self) -> &str {
        &self.live.ca_pem
    }

    /// All scenarios, in the recommended order of presentation.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.live.scenarios
    }

    /// The scenario of this name.
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        self.live.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// Switches a scenario to a state, which is in force when this returns.
    ///
    /// # Errors
    ///
    /// [`WorldError::UnknownScenario`]; [`WorldError::Bind`] or [`WorldError::File`] if a Policy Host cannot listen
    /// again or the zone file cannot be written again.
    pub fn switch(&self, scenario: &str, state: State) -> Result<(), WorldError> {
        self.live.switch(scenario, state)
    }

    /// Changes the behaviour of a Policy Host (such as `mta-sts.healthy-enforce.test`) until the next reset.
    ///
    /// # Errors
    ///
    /// [`WorldError::UnknownPolicyHost`], [`WorldError::Bind`].
    pub fn set_policy_host(&self, host: &str, behaviour: PolicyHostBehaviour) -> Result<(), WorldError> {
        self.live.set_policy_host(host, behaviour)
    }

    /// Changes the behaviour of an HTTPS host that accepts TLS reports (such as `rua.tlsrpt-https.test`) until the next reset.
    ///
    /// # Errors
    ///
    /// [`WorldError::UnknownReportHost`].
    pub fn set_report_host(&self, host: &str, behaviour: ReportHostBehaviour) -> Result<(), WorldError> {
        self.live.set_report_host(host, behaviour)
    }

    /// Changes the response of an MX host (such as `mx.tlsrpt-mail.test`) to mail until the next reset.
    ///
    /// # Errors
    ///
    /// [`WorldError::UnknownMailHost`].
    pub fn set_mail_reception(&self, host: &str, reception: MailReception) -> Result<(), WorldError> {
        self.live.set_mail_reception(host, reception)
    }

    /// Replaces the TLSRPT record of any domain until the next reset. The zone file does not show this.
    ///
    /// # Errors
    ///
    /// [`WorldError::BadDomain`].
    pub fn set_tlsrpt(&self, domain: &str, answer: TlsrptAnswer) -> Result<(), WorldError> {
        self.live.set_tlsrpt(domain, answer)
    }

    /// Sets all records of one type at any name, also one that is not of this world, until the next reset: those of a domain that a test makes up.
    /// No records are set by an empty list. The zone file does not show them.
    ///
    /// # Errors
    ///
    /// [`WorldError::BadRecords`].
    pub fn set_records(&self, name: &str, kind: SettableType, records: &[String]) -> Result<(), WorldError> {
        self.live.set_records(name, kind, records)
    }

    /// The address at which an MX host listens, on port [`smtp_port`](Self::smtp_port).
    pub fn mail_host(&self, host: &str) -> Option<SocketAddr> {
        let named = self.live.mail_hosts.iter().find(|named| named.name == host)?;
        Some(SocketAddr::from((named.address, self.live.smtp_port)))
    }

    /// The traffic recorded by the servers since the start or the last reset.
    pub fn seen(&self) -> Seen {
        self.live.seen.seen()
    }

    /// Clears the recorded traffic, and returns every scenario and host to its initial state.
    ///
    /// # Errors
    ///
    /// As [`World::switch`].
    pub fn reset(&self) -> Result<(), WorldError> {
        self.live.reset()
    }

    /// Writes `ca.pem`, `zone` and `world.json` into an existing directory; `zone` is written again with every switch.
    ///
    /// # Errors
    ///
    /// [`WorldError::File`].
    pub fn write_files(&self, directory: &Path) -> Result<(), WorldError> {
        self.live.write_files(directory)
    }

    /// Listens for commands on the Unix socket `control` in an existing directory.
    ///
    /// Each line is a JSON object with `command`: `switch` (with `scenario` and `state`), `tlsrpt` (with `domain` and
    /// `record`, the text of its TLSRPT record or `null` for none), `records` (with `name`, `type`, which is `A`, `MX` or `TXT`, and
    /// `records`, all of this type at this name), `seen`, `reset` or `scenarios`; each is answered with one line, `{"error":{"code":...,"message":...}}` if it is no good. A line has
    /// 4,096 octets at most.
    ///
    /// # Errors
    ///
    /// [`WorldError::File`]. A socket that is left over from a world that ended is replaced.
    pub fn serve_control(&mut self, directory: &Path) -> Result<(), WorldError> {
        let listener = control::listen(&directory.join(CONTROL))?;
        self.tasks.spawn(control::serve(listener, self.live.clone()));
        Ok(())
    }

    /// Stops all servers, and returns when their ports are free.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
        // Whoever else holds the servers must not hold their ports.
        self.live.close();
        // An error here is one of a socket that is closed now anyhow.
        let _ = self.dns.shutdown_gracefully().await;
        if let Some(mut second) = self.second_dns {
            let _ = second.shutdown_gracefully().await;
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("World")
            .field("dns_addr", &self.dns_addr())
            .field("https_port", &self.https_port())
            .field("smtp_port", &self.smtp_port())
            .finish_non_exhaustive()
    }
}

/// The hosts at one address, with their certificates.
fn sites(
    plans: Vec<PolicyHostPlan>,
    authorities: &Authorities,
    without_sni: impl Fn(&str) -> WithoutSni<Arc<CertifiedKey>>,
) -> Result<Vec<Site>, WorldError> {
    let site = |plan: PolicyHostPlan| {
        Ok(Site {
            without_sni: without_sni(&plan.name),
            certificate: plan.certificate.try_map(|certificate| authorities.issue(certificate))?,
            host: plan.name,
            behaviour: plan.behaviour,
            instead: Mutex::new(None),
            reports: plan.reports.map(Replaceable::new),
        })
    };
    plans.into_iter().map(site).collect()
}

/// The certificate of a service that has one.
fn certificate(
    service: &MailService,
    authorities: &Authorities,
) -> Result<Option<Arc<CertifiedKey>>, WorldError> {
    match service {
        MailService::Starttls(certificate) => authorities.issue(certificate).map(Some),
        MailService::Stripped | MailService::OldTls => Ok(None),
    }
}

/// The TLSA record at one port of an MX host with this key.
fn tlsa_data(tlsa: TlsaPlan, digest: [u8; 32], port: u16) -> Data {
    let another = digest.map(|octet| !octet);
    match tlsa {
        TlsaPlan::ItsKey => Data::Tlsa(digest),
        TlsaPlan::ItsKeyAt25 if port == SMTP_PORT => Data::Tlsa(digest),
        TlsaPlan::AnotherKey | TlsaPlan::ItsKeyAt25 => Data::Tlsa(another),
        TlsaPlan::Bogus => Data::Fault(RecordType::TLSA, Fault::BOGUS),
    }
}

fn mail_service(
    service: &MailService,
    certificate: Option<Arc<CertifiedKey>>,
    without: WithoutSni<Arc<CertifiedKey>>,
) -> Service {
    if let MailService::OldTls = service {
        return Service::OldTls;
    }
    match certificate {
        Some(with) => {
            let certificates = Arc::new(tls::BySni { with, without });
            Service::Starttls(Arc::new(tls::server_config().with_cert_resolver(certificates)))
        }
        None => Service::Stripped,
    }
}

/// The sockets of both DNS servers, at one port. Where the port is fixed, the second may be another world's: then there is none.
async fn bind_dns(wanted: Option<SocketAddr>) -> Result<(DnsSockets, Option<DnsSockets>), WorldError> {
    let address = wanted.unwrap_or_else(|| SocketAddr::from((DNS_ADDRESS, 0)));
    let mut tries = 0;
    loop {
        tries += 1;
        let sockets = async {
            let first = dns_sockets(address).await?;
            let port = first.1.local_addr()?.port();
            let second = dns_sockets(SocketAddr::from((SECOND_DNS_ADDRESS, port))).await;
            if address.port() == 0 { Ok((first, Some(second?))) } else { Ok((first, second.ok())) }
        };
        match sockets.await {
            Ok(sockets) => return Ok(sockets),
            Err(source) if address.port() != 0 => {
                return Err(WorldError::Bind { service: "dns", address, source });
            }
            Err(source) if tries == MAX_TRIES => return Err(no_port("dns", source)),
            Err(_) => {}
        }
    }
}

type DnsSockets = (UdpSocket, TcpListener);

async fn dns_sockets(address: SocketAddr) -> io::Result<DnsSockets> {
    let tcp = TcpListener::bind(address).await?;
    let udp = UdpSocket::bind(tcp.local_addr()?).await?;
    Ok((udp, tcp))
}

/// One port on all addresses: the fixed one, or one that the system has chosen on the first address.
fn bind_all(
    service: &'static str,
    addresses: &[Ipv4Addr],
    fixed: Option<u16>,
) -> Result<(u16, Vec<TcpListener>), WorldError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut port = fixed.unwrap_or(0);
        let mut listeners = Vec::new();
        let failure = loop {
            let Some(&address) = addresses.get(listeners.len()) else { return Ok((port, listeners)) };
            let address = SocketAddr::new(IpAddr::V4(address), port);
            match listen(address) {
                Ok((listener, bound)) => {
                    port = bound;
                    listeners.push(listener);
                }
                Err(source) => break WorldError::Bind { service, address, source },
            }
        };
        match failure {
            WorldError::Bind { source, .. } if fixed.is_none_or(|port| port == 0) => {
                if tries == MAX_TRIES {
                    return Err(no_port(service, source));
                }
            }
            failure => return Err(failure),
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, u16)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(tls::BACKLOG)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

fn no_port(service: &'static str, source: io::Error) -> WorldError {
    WorldError::NoCommonPort { service, source }
}

/// RFC 5321, 4.5.4.2.
const SMTP_PORT: u16 = 25;
const MAX_STARTS: usize = 10;
const MAX_TRIES: u32 = 32;
