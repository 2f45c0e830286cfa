//! What is served: policies and certificates, from files.

use std::sync::Arc;

use mta_sts_publisher::{
    CertificateError, CertificateFiles, Certificates, HostedPolicies, PolicyFault, PolicySourceError,
};

use super::super::super::daemons::Fault;
use super::super::super::{Exit, told};
use super::configuration::Configuration;

/// The files that are served, and read again.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) certificates: Arc<Certificates>,
    files: Option<CertificateFiles>,
}

impl Content {
    /// Reads everything for the first time, and logs what is wrong with single domains.
    pub(super) fn read(configuration: &Configuration) -> Result<(Self, HostedPolicies), (Exit, String)> {
        let (policies, faults) = read_policies(configuration, &HostedPolicies::default())
            .map_err(|error| (Exit::NoInput, configuration.at_its_place(error.path(), error.to_string())))?;
        log_faults(&faults);
        let certificates = Arc::new(Certificates::new());
        let files = configuration.certificate_source().map(CertificateFiles::new);
        let content = Self { certificates, files };
        let errors = content.load_certificates();
        // Without any, no client could connect.
        if let Some(error) = errors.first().filter(|_| content.certificates.lives().is_empty()) {
            return Err((exit_of(error), configuration.at_its_place(error.path(), error.to_string())));
        }
        log_errors(&errors);
        Ok((content, policies))
    }

    /// Says everything that is wrong with the files of a configuration.
    pub(super) fn check(configuration: &Configuration) -> Exit {
        let (policies, faults) = match read_policies(configuration, &HostedPolicies::default()) {
            Ok(read) => read,
            Err(error) => {
                return told(Exit::NoInput, &configuration.at_its_place(error.path(), error.to_string()));
            }
        };
        let mut exit = Exit::Fine;
        for fault in &faults {
            let what = if let Some((text, span)) = fault.place() {
                format!("{:#}", Fault::at(fault.path(), text, span, fault.message()))
            } else {
                configuration.at_its_place(fault.path(), fault.to_string())
            };
            exit = told(Exit::Configuration, &what);
        }
        let certificates = Arc::new(Certificates::new());
        let files = configuration.certificate_source().map(CertificateFiles::new);
        let content = Self { certificates, files };
        let errors = content.load_certificates();
        for error in &errors {
            exit = told(exit_of(error), &configuration.at_its_place(error.path(), error.to_string()));
        }
        // Whoever reads of these need not read of their hosts.
        let without = if errors.is_empty() {
            content.without_certificate(&policies, configuration)
        } else {
            Vec::new()
        };
        for host in without {
            exit = told(Exit::Configuration, &format!("there is no certificate for {host}"));
        }
        exit
    }

    /// Reads the policies again.
    pub(super) fn reload_policies(
        configuration: &Configuration,
        before: &HostedPolicies,
    ) -> Option<HostedPolicies> {
        match read_policies(configuration, before) {
            Ok((policies, faults)) => {
                log_faults(&faults);
                tracing::info!(
                    domains = policies.len(),
                    faults = faults.len(),
                    "the policies were read again"
                );
                Some(policies)
            }
            Err(error) => {
                tracing::error!(%error, "the policies cannot be read: the old ones are served");
                None
            }
        }
    }

    /// Reads the certificates again.
    pub(super) fn reload_certificates(&self) {
        if self.files.is_some() {
            log_errors(&self.load_certificates());
            tracing::info!(
                certificates = self.certificates.lives().len(),
                "the certificates were read again"
            );
        }
    }

    /// Returns whether the files of the certificates have changed.
    pub(super) fn certificates_have_changed(&self) -> bool {
        self.files.as_ref().is_some_and(CertificateFiles::have_changed)
    }

    /// The hosts that no client can connect to.
    pub(super) fn without_certificate<'a>(
        &self,
        policies: &'a HostedPolicies,
        configuration: &'a Configuration,
    ) -> Vec<&'a str> {
        if self.files.is_none() {
            return Vec::new();
        }
        let mut hosts: Vec<_> = policies
            .hosts()
            .chain(configuration.reports_host())
            .filter(|host| self.certificates.life(host).is_none())
            .collect();
        hosts.sort_unstable();
        hosts
    }

    fn load_certificates(&self) -> Vec<CertificateError> {
        self.files.as_ref().map(|files| files.load(&self.certificates)).unwrap_or_default()
    }
}

fn read_policies(
    configuration: &Configuration,
    before: &HostedPolicies,
) -> Result<(HostedPolicies, Vec<PolicyFault>), PolicySourceError> {
    HostedPolicies::read_all(&configuration.policy_sources(), before)
}

fn log_faults(faults: &[PolicyFault]) {
    for fault in faults {
        if fault.goes_on() {
            tracing::error!(%fault, "a policy is broken: the old one is served");
        } else {
            tracing::error!(%fault, "a policy is broken: its domain is not served");
        }
    }
}

fn log_errors(errors: &[CertificateError]) {
    for error in errors {
        tracing::error!(%error, "a certificate cannot be used: the old one, if there is one, stays in use");
    }
}

fn exit_of(error: &CertificateError) -> Exit {
    if error.is_missing() { Exit::NoInput } else { Exit::Configuration }
}
