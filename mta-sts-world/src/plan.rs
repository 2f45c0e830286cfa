use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::authority::{CertificatePlan, Signer};
use crate::https::PolicyHostBehaviour;
use crate::reports::{MailReception, ReportHostBehaviour};
use crate::scenario::{Expected, Mode, Scenario, Staged, State, When};
use crate::seen::Owner;
use crate::smtp::DeprecatedTls;
use crate::tls::WithoutSni;
use crate::zone::{Data, DnsServer, Zone};

/// The plan of a world: scenarios, records, hosts.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) zone: Zone,
    /// By address, in order: the first one always listens, which keeps two worlds from choosing the same port.
    pub(crate) policy_hosts: BTreeMap<Ipv4Addr, Vec<PolicyHostPlan>>,
    pub(crate) mail_hosts: Vec<MailHostPlan>,
    /// The behaviour of the hosts with these names for a client that sends no SNI; other hosts send the same certificate.
    pub(crate) without_sni: BTreeMap<String, WithoutSni<CertificatePlan>>,
    /// TXT records that name the port of the HTTPS hosts: the name, and the text with [`HTTPS_PORT`] in it.
    pub(crate) txt_with_port: Vec<(String, String)>,
    places: u8,
}

#[derive(Debug)]
pub(crate) struct PolicyHostPlan {
    pub(crate) name: String,
    pub(crate) certificate: Staged<CertificatePlan>,
    pub(crate) behaviour: Staged<PolicyHostBehaviour>,
    /// Whether it accepts TLS reports instead of serving a policy.
    pub(crate) reports: Option<ReportHostBehaviour>,
}

#[derive(Debug)]
pub(crate) struct MailHostPlan {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) owner: Owner,
    pub(crate) service: Staged<MailService>,
    pub(crate) tlsa: Option<TlsaPlan>,
    pub(crate) deprecated_tls: DeprecatedTls,
    pub(crate) reception: MailReception,
}

/// The service of an MX host.
#[derive(Clone, Debug)]
pub(crate) enum MailService {
    Starttls(CertificatePlan),
    Stripped,
    /// Only TLS versions that are too old.
    OldTls,
}

/// The TLSA records of an MX host for port 25 and for the world's port.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TlsaPlan {
    ItsKey,
    AnotherKey,
    /// The record of port 25 is for its key, that of the world's port for another.
    ItsKeyAt25,
    /// A validating resolver finds them forged or broken.
    Bogus,
}

impl Plan {
    /// A domain with a scenario; all its hosts have addresses of its own.
    pub(crate) fn scenario(&mut self, told: Told<'_>, expected: Expected) -> Stage<'_> {
        let number = self.scenarios.len();
        let domain = format!("{}.test", told.name);
        self.scenarios.push(Scenario {
            name: told.name.to_owned(),
            title: told.title.to_owned(),
            story: told.story.to_owned(),
            recipient: format!("user@{domain}"),
            domain: domain.clone(),
            needs_cached_policy: told.needs_cached_policy,
            initial: if told.needs_cached_policy { State::Calm } else { State::Attack },
            tls_required_no: told.tls_required_no,
            expected,
        });
        self.stage(domain, Some(number))
    }

    /// A domain without a scenario.
    pub(crate) fn domain(&mut self, name: &str) -> Stage<'_> {
        self.stage(format!("{name}.test"), None)
    }

    /// A provider whose customers share its addresses. Each has a Policy Host with a certificate of its own; their MX hosts have names of
    /// their own, and one certificate.
    pub(crate) fn provider(&mut self, customers: u16) {
        let mut provider = self.domain("provider");
        let (policy_hosts, mail_hosts) = (provider.next_address(), provider.next_address());
        let certificate =
            CertificatePlan { names: vec!["*.mx.provider.test".to_owned()], ..provider.valid("mx") };
        provider.mail_host_at(mail_hosts, Owner::Recipient, "mx", MailService::Starttls(certificate));
        for number in 0..customers {
            let (domain, mx) = (format!("d{number}.customer.test"), format!("d{number}.mx.provider.test"));
            provider.data(&mx, Data::A(mail_hosts), None);
            let mut customer =
                Stage { place: 0, plan: &mut *provider.plan, domain, scenario: None, hosts: 0 };
            let policy = PolicyHostBehaviour::Policy(customer.policy(Mode::Enforce, &[&mx]));
            let certificate = customer.staged(customer.valid("mta-sts"), customer.valid("mta-sts"));
            let behaviour = customer.staged(policy.clone(), policy);
            let report = format!("v=TLSRPTv1; rua=mailto:tls@{}", customer.domain);
            customer
                .record(ID)
                .data("mta-sts", Data::A(policy_hosts), None)
                .policy_host_at(policy_hosts, "mta-sts", certificate, behaviour)
                .data("_smtp._tls", Data::Txt(vec![report]), None)
                .mx(10, &mx);
        }
    }

    fn stage(&mut self, domain: String, scenario: Option<usize>) -> Stage<'_> {
        self.places += 1;
        Stage { place: self.places, plan: self, domain, scenario, hosts: 0 }
    }
}

/// The texts of a scenario.
#[derive(Clone, Copy, Default)]
pub(crate) struct Told<'t> {
    pub(crate) name: &'t str,
    pub(crate) title: &'t str,
    pub(crate) story: &'t str,
    pub(crate) needs_cached_policy: bool,
    pub(crate) tls_required_no: bool,
}

/// A builder of a domain. A name without `.test` at its end is relative to the domain.
pub(crate) struct Stage<'p> {
    plan: &'p mut Plan,
    domain: String,
    scenario: Option<usize>,
    place: u8,
    hosts: u8,
}

impl Stage<'_> {
    /// A valid record, an enforce policy for the host `mx`, that host, and the MX record.
    pub(crate) fn healthy(&mut self) -> &mut Self {
        self.record(ID).protected()
    }

    /// The same without the record.
    pub(crate) fn protected(&mut self) -> &mut Self {
        let body = self.policy(Mode::Enforce, &["mx"]);
        self.policy_host("mta-sts", PolicyHostBehaviour::Policy(body)).mail_host("mx").mx(10, "mx")
    }

    /// A valid record, and a Policy Host with a policy of these `mx` patterns.
    pub(crate) fn sts(&mut self, mode: Mode, mx: &[&str]) -> &mut Self {
        let body = self.policy(mode, mx);
        self.record(ID).policy_host("mta-sts", PolicyHostBehaviour::Policy(body))
    }

    pub(crate) fn policy(&self, mode: Mode, mx: &[&str]) -> String {
        let mode = match mode {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        };
        let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
        lines.extend(mx.iter().map(|pattern| format!("mx: {}", self.full(pattern))));
        lines.push("max_age: 604800\r\n".to_owned());
        lines.join("\r\n")
    }

    pub(crate) fn record(&mut self, id: &str) -> &mut Self {
        self.record_when(id, None)
    }

    pub(crate) fn record_when(&mut self, id: &str, state: Option<State>) -> &mut Self {
        self.txt_when(&[&format!("v=STSv1; id={id};")], state)
    }

    /// One TXT RR at `_mta-sts`, of these character-strings.
    pub(crate) fn txt(&mut self, strings: &[&str]) -> &mut Self {
        self.txt_when(strings, None)
    }

    fn txt_when(&mut self, strings: &[&str], state: Option<State>) -> &mut Self {
        let strings = strings.iter().map(|&string| string.to_owned()).collect();
        self.data("_mta-sts", Data::Txt(strings), state)
    }

    pub(crate) fn policy_host(&mut self, name: &str, behaviour: PolicyHostBehaviour) -> &mut Self {
        self.policy_host_staged(name, behaviour.clone(), behaviour)
    }

    /// A Policy Host with a valid certificate, and its address.
    pub(crate) fn policy_host_staged(
        &mut self,
        name: &str,
        calm: PolicyHostBehaviour,
        attack: PolicyHostBehaviour,
    ) -> &mut Self {
        let certificate = self.valid(name);
        self.policy_host_with(name, certificate, calm, attack)
    }

    pub(crate) fn policy_host_with(
        &mut self,
        name: &str,
        attack_certificate: CertificatePlan,
        calm: PolicyHostBehaviour,
        attack: PolicyHostBehaviour,
    ) -> &mut Self {
        let address = self.next_address();
        self.data(name, Data::A(address), None);
        // Without a scenario there is no state in which the fault is away.
        let calm_certificate =
            if self.scenario.is_none() { attack_certificate.clone() } else { self.valid(name) };
        let certificate = self.staged(calm_certificate, attack_certificate);
        let behaviour = self.staged(calm, attack);
        self.policy_host_at(address, name, certificate, behaviour)
    }

    /// The Policy Host `mta-sts`, whose address is that of every name below the domain without records of its own.
    pub(crate) fn policy_host_at_wildcard(&mut self, behaviour: PolicyHostBehaviour) -> &mut Self {
        let address = self.next_address();
        self.data("*", Data::A(address), None);
        let certificate = self.staged(self.valid("mta-sts"), self.valid("mta-sts"));
        let behaviour = self.staged(behaviour.clone(), behaviour);
        self.policy_host_at(address, "mta-sts", certificate, behaviour)
    }

    /// A Policy Host at a provider's name.
    pub(crate) fn policy_host_behind_alias(
        &mut self,
        name: &str,
        canonical: &str,
        behaviour: PolicyHostBehaviour,
    ) -> &mut Self {
        let address = self.next_address();
        let target = self.full(canonical);
        self.data(canonical, Data::A(address), None).data(name, Data::Cname(target), None);
        let certificate = self.staged(self.valid(name), self.valid(name));
        let behaviour = self.staged(behaviour.clone(), behaviour);
        self.policy_host_at(address, name, certificate, behaviour)
    }

    fn policy_host_at(
        &mut self,
        address: Ipv4Addr,
        name: &str,
        certificate: Staged<CertificatePlan>,
        behaviour: Staged<PolicyHostBehaviour>,
    ) -> &mut Self {
        let name = self.full(name);
        self.plan.policy_hosts.entry(address).or_default().push(PolicyHostPlan {
            name,
            certificate,
            behaviour,
            reports: None,
        });
        self
    }

    /// The TLSRPT record of the domain, with these URIs.
    pub(crate) fn tlsrpt(&mut self, rua: &str) -> &mut Self {
        let name = self.full("_smtp._tls");
        self.plan.txt_with_port.push((name, format!("v=TLSRPTv1; rua={rua}")));
        self
    }

    /// An HTTPS host that takes TLS reports, and its address.
    pub(crate) fn report_host(
        &mut self,
        name: &str,
        certificate: CertificatePlan,
        behaviour: ReportHostBehaviour,
    ) -> &mut Self {
        let address = self.next_address();
        self.data(name, Data::A(address), None);
        let certificate = self.staged(certificate.clone(), certificate);
        let nothing = PolicyHostBehaviour::Status(404);
        self.policy_host_at(address, name, certificate, self.staged(nothing.clone(), nothing));
        if let Some(host) = self.plan.policy_hosts.get_mut(&address).and_then(|hosts| hosts.last_mut()) {
            host.reports = Some(behaviour);
        }
        self
    }

    /// An MX host of the recipient with STARTTLS and a valid certificate, and its address.
    pub(crate) fn mail_host(&mut self, name: &str) -> &mut Self {
        let valid = self.valid(name);
        self.faulty_mail_host(name, MailService::Starttls(valid))
    }

    /// An MX host of the recipient with this service in state attack.
    pub(crate) fn faulty_mail_host(&mut self, name: &str, attack: MailService) -> &mut Self {
        self.mail_host_of(Owner::Recipient, name, attack)
    }

    pub(crate) fn mail_host_of(&mut self, owner: Owner, name: &str, attack: MailService) -> &mut Self {
        let address = self.next_address();
        self.data(name, Data::A(address), None);
        self.mail_host_at(address, owner, name, attack)
    }

    /// An MX host whose name is an alias of a provider's.
    pub(crate) fn mail_host_behind_alias(&mut self, name: &str, canonical: &str) -> &mut Self {
        let address = self.next_address();
        let target = self.full(canonical);
        self.data(canonical, Data::A(address), None).data(name, Data::Cname(target), None);
        let valid = self.valid(name);
        self.mail_host_at(address, Owner::Recipient, name, MailService::Starttls(valid))
    }

    fn mail_host_at(
        &mut self,
        address: Ipv4Addr,
        owner: Owner,
        name: &str,
        attack: MailService,
    ) -> &mut Self {
        let service = match attack {
            // Without a scenario there is no state in which the fault is away.
            attack if self.scenario.is_none() => self.staged(attack.clone(), attack),
            attack => self.staged(MailService::Starttls(self.valid(name)), attack),
        };
        self.plan.mail_hosts.push(MailHostPlan {
            name: self.full(name),
            address,
            owner,
            service,
            tlsa: None,
            deprecated_tls: DeprecatedTls::Refused,
            reception: MailReception::Taken,
        });
        self
    }

    /// Sets the response to mail of the MX host that was added last.
    pub(crate) fn reception(&mut self, reception: MailReception) -> &mut Self {
        if let Some(host) = self.plan.mail_hosts.last_mut() {
            host.reception = reception;
        }
        self
    }

    /// Adds a TLSA record for the MX host that was added last.
    pub(crate) fn tlsa(&mut self, tlsa: TlsaPlan) -> &mut Self {
        if let Some(host) = self.plan.mail_hosts.last_mut() {
            host.tlsa = Some(tlsa);
        }
        self
    }

    /// Sets the behaviour of the MX host that was added last for clients that do not support TLS 1.2.
    pub(crate) fn deprecated_tls(&mut self, deprecated_tls: DeprecatedTls) -> &mut Self {
        if let Some(host) = self.plan.mail_hosts.last_mut() {
            host.deprecated_tls = deprecated_tls;
        }
        self
    }

    /// Sets the behaviour of an MX host or Policy Host for clients that send no SNI.
    pub(crate) fn without_sni(&mut self, name: &str, shown: WithoutSni<CertificatePlan>) -> &mut Self {
        let name = self.full(name);
        self.plan.without_sni.insert(name, shown);
        self
    }

    /// Marks the domain as signed for a validating resolver.
    pub(crate) fn signed(&mut self) -> &mut Self {
        self.plan.zone.sign(&self.domain);
        self
    }

    pub(crate) fn mx(&mut self, preference: u16, host: &str) -> &mut Self {
        let host = self.full(host);
        self.data("", Data::Mx(preference, host), None)
    }

    /// The domain's MX record is `calm`, or the attacker's or another host's while the fault is there.
    pub(crate) fn mx_staged(&mut self, calm: &str, attack: &str) -> &mut Self {
        let (calm, attack) = (self.full(calm), self.full(attack));
        self.data("", Data::Mx(10, calm), Some(State::Calm)).data(
            "",
            Data::Mx(10, attack),
            Some(State::Attack),
        )
    }

    pub(crate) fn data(&mut self, name: &str, data: Data, state: Option<State>) -> &mut Self {
        let when = match (self.scenario, state) {
            (Some(scenario), Some(state)) => When::During(scenario, state),
            _ => When::Always,
        };
        let name = self.full(name);
        self.plan.zone.add(&name, data, when);
        self
    }

    /// Adds a record to only one of the two DNS servers.
    pub(crate) fn data_at(&mut self, server: DnsServer, name: &str, data: Data) -> &mut Self {
        let name = self.full(name);
        self.plan.zone.add_at(server, &name, data);
        self
    }

    /// Makes both DNS servers name servers of the domain.
    pub(crate) fn name_servers(&mut self) -> &mut Self {
        for (name, address) in [("ns1", DNS_ADDRESS), ("ns2", SECOND_DNS_ADDRESS)] {
            let server = self.full(name);
            self.data(name, Data::A(address), None).data("", Data::Ns(server), None);
        }
        self
    }

    pub(crate) fn valid(&self, name: &str) -> CertificatePlan {
        CertificatePlan { names: vec![self.full(name)], signer: Signer::Trusted, days_left: 30, days_old: 30 }
    }

    pub(crate) fn expired(&self, name: &str) -> MailService {
        MailService::Starttls(CertificatePlan { days_left: -1, ..self.valid(name) })
    }

    /// A valid certificate that expires after this number of days.
    pub(crate) fn expiring(&self, name: &str, days_left: i64) -> CertificatePlan {
        CertificatePlan { days_left, ..self.valid(name) }
    }

    pub(crate) fn signed_by(&self, signer: Signer, name: &str) -> MailService {
        MailService::Starttls(CertificatePlan { signer, ..self.valid(name) })
    }

    /// A valid certificate that is for this name.
    pub(crate) fn certified_as(&self, name: &str) -> MailService {
        MailService::Starttls(self.valid(name))
    }

    fn full(&self, name: &str) -> String {
        if name.is_empty() {
            self.domain.clone()
        } else if name == "." || name.rsplit('.').next() == Some("test") {
            name.to_owned()
        } else {
            format!("{name}.{}", self.domain)
        }
    }

    fn staged<T>(&self, calm: T, attack: T) -> Staged<T> {
        Staged { scenario: self.scenario, calm, attack }
    }

    fn next_address(&mut self) -> Ipv4Addr {
        self.hosts += 1;
        Ipv4Addr::new(127, 83, self.place, self.hosts)
    }
}

/// The placeholder for the port of the HTTPS hosts, which is known once they listen.
pub(crate) const HTTPS_PORT: &str = "{https-port}";
/// The initial `id` of every record.
pub(crate) const ID: &str = "20260101T000000";
/// The DNS server.
pub(crate) const DNS_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 83, 0, 53);
/// The second DNS server, which has other records for some domains.
pub(crate) const SECOND_DNS_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 83, 0, 54);
