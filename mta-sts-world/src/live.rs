use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::runtime::Handle;

use crate::error::WorldError;
use crate::https::{HttpsServer, PolicyHostBehaviour, Site};
use crate::plan::MailHostPlan;
use crate::reports::{MailReception, Reception, Replaceable, ReportHostBehaviour, TlsrptAnswer};
use crate::scenario::{Scenario, State, States};
use crate::seen::{Owner, Record, Seen};
use crate::zone::{SettableType, Zone};

/// The state shared by the world and its control socket.
pub(crate) struct Live {
    pub(crate) dns_addr: SocketAddr,
    pub(crate) https_port: u16,
    pub(crate) smtp_port: u16,
    pub(crate) ca_pem: String,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) mail_hosts: Vec<MailHost>,
    pub(crate) zone: Arc<Zone>,
    pub(crate) states: Arc<States>,
    pub(crate) seen: Arc<Record>,
    pub(crate) https: Vec<Arc<HttpsServer>>,
    /// The responses of the MX hosts to mail, by name.
    pub(crate) receptions: BTreeMap<String, Arc<Reception>>,
    /// The directory in which `zone` is kept up to date.
    pub(crate) directory: Mutex<Option<PathBuf>>,
    pub(crate) runtime: Handle,
}

impl Live {
    pub(crate) fn seen(&self) -> Seen {
        self.seen.seen()
    }

    /// Every scenario with its current state.
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = (&Scenario, State)> {
        self.scenarios.iter().enumerate().map(|(number, scenario)| (scenario, self.states.get(number)))
    }

    pub(crate) fn switch(&self, name: &str, state: State) -> Result<(), WorldError> {
        let number = self.scenarios.iter().position(|scenario| scenario.name == name);
        let number = number.ok_or_else(|| WorldError::UnknownScenario(name.to_owned()))?;
        self.states.set(number, state);
        self.settle()?;
        self.write_zone()
    }

    pub(crate) fn reset(&self) -> Result<(), WorldError> {
        self.states.reset(&self.scenarios);
        for site in self.https.iter().flat_map(|server| &server.sites) {
            *site.instead.lock().unwrap_or_else(PoisonError::into_inner) = None;
            site.reports.iter().for_each(Replaceable::reset);
        }
        self.receptions.values().for_each(|reception| reception.reset());
        self.zone.reset();
        self.settle()?;
        self.seen.reset();
        self.write_zone()
    }

    pub(crate) fn set_policy_host(
        &self,
        host: &str,
        behaviour: PolicyHostBehaviour,
    ) -> Result<(), WorldError> {
        let mut sites = self.https.iter().flat_map(|server| &server.sites);
        let site = sites.find(|site| site.host == host);
        let site = site.ok_or_else(|| WorldError::UnknownPolicyHost(host.to_owned()))?;
        *site.instead.lock().unwrap_or_else(PoisonError::into_inner) = Some(behaviour);
        self.settle()
    }

    pub(crate) fn set_report_host(
        &self,
        host: &str,
        behaviour: ReportHostBehaviour,
    ) -> Result<(), WorldError> {
        let mut sites = self.https.iter().flat_map(|server| &server.sites);
        let reports = sites.find(|site| site.host == host).and_then(|site| site.reports.as_ref());
        let reports = reports.ok_or_else(|| WorldError::UnknownReportHost(host.to_owned()))?;
        reports.replace(behaviour);
        Ok(())
    }

    pub(crate) fn set_mail_reception(&self, host: &str, reception: MailReception) -> Result<(), WorldError> {
        let found = self.receptions.get(host);
        found.ok_or_else(|| WorldError::UnknownMailHost(host.to_owned()))?.behaviour.replace(reception);
        Ok(())
    }

    pub(crate) fn set_tlsrpt(&self, domain: &str, answer: TlsrptAnswer) -> Result<(), WorldError> {
        let replaced = self.zone.replace_txt(&format!("_smtp._tls.{domain}"), answer);
        replaced.ok_or_else(|| WorldError::BadDomain(domain.to_owned()))
    }

    pub(crate) fn set_records(
        &self,
        name: &str,
        kind: SettableType,
        records: &[String],
    ) -> Result<(), WorldError> {
        let set = self.zone.set_records(name, kind, records);
        set.ok_or_else(|| WorldError::BadRecords(name.to_owned()))
    }

    pub(crate) fn settle(&self) -> Result<(), WorldError> {
        // A caller outside the runtime may switch, too.
        let _entered = self.runtime.enter();
        for server in &self.https {
            let address = SocketAddr::from((server.address, self.https_port));
            server.settle().map_err(|source| WorldError::Bind { service: "https", address, source })?;
        }
        Ok(())
    }

    pub(crate) fn close(&self) {
        for server in &self.https {
            server.close();
        }
    }

    pub(crate) fn write_files(&self, directory: &Path) -> Result<(), WorldError> {
        let description = Description {
            dns: self.dns_addr,
            https_port: self.https_port,
            smtp_port: self.smtp_port,
            ca_file: directory.join(CA_FILE),
            zone_file: directory.join(ZONE_FILE),
            control: directory.join(CONTROL),
            scenarios: &self.scenarios,
            policy_hosts: self.https_hosts(|site| site.reports.is_none()),
            report_hosts: self.https_hosts(|site| site.reports.is_some()),
            mail_hosts: &self.mail_hosts,
        };
        let path = directory.join("world.json");
        let json = serde_json::to_vec_pretty(&description)
            .map_err(|error| WorldError::File { path: path.clone(), source: error.into() })?;
        write(&directory.join(CA_FILE), self.ca_pem.as_bytes())?;
        *self.directory.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory.to_owned());
        self.write_zone()?;
        // Last, so that whoever waits for this file finds the others.
        write(&path, &json)
    }

    fn write_zone(&self) -> Result<(), WorldError> {
        // Held while writing, so that of two switches the last one is what the file says.
        let directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        match &*directory {
            Some(directory) => write(&directory.join(ZONE_FILE), self.zone.text(&self.states).as_bytes()),
            None => Ok(()),
        }
    }

    fn https_hosts(&self, is_meant: impl Fn(&Site) -> bool) -> BTreeMap<&str, Ipv4Addr> {
        let hosts =
            self.https.iter().flat_map(|server| server.sites.iter().map(|site| (site, server.address)));
        hosts
            .filter(|(site, _)| is_meant(site))
            .map(|(site, address)| (site.host.as_str(), address))
            .collect()
    }
}

/// `world.json`.
#[derive(Serialize)]
struct Description<'w> {
    dns: SocketAddr,
    https_port: u16,
    smtp_port: u16,
    ca_file: PathBuf,
    zone_file: PathBuf,
    control: PathBuf,
    scenarios: &'w [Scenario],
    policy_hosts: BTreeMap<&'w str, Ipv4Addr>,
    report_hosts: BTreeMap<&'w str, Ipv4Addr>,
    mail_hosts: &'w [MailHost],
}

#[derive(Serialize)]
pub(crate) struct MailHost {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    owner: Owner,
}

impl From<&MailHostPlan> for MailHost {
    fn from(plan: &MailHostPlan) -> Self {
        Self { name: plan.name.clone(), address: plan.address, owner: plan.owner }
    }
}

/// Writes a temporary file and renames it, so that a reader never sees an incomplete file.
fn write(path: &Path, text: &[u8]) -> Result<(), WorldError> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|source| WorldError::File { path: path.to_owned(), source })
}

const CA_FILE: &str = "ca.pem";
const ZONE_FILE: &str = "zone";
/// The name of the control socket.
pub(crate) const CONTROL: &str = "control";
