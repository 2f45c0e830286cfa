//! The policies that a Policy Host serves, from files.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use hyper::body::Bytes;
use mta_sts_core::lint::{self, Severity};
use mta_sts_core::{FetchLimits, Policy, PolicyDomain, Strictness};

/// The policies of domains, by the name of their Policy Host (RFC 8461, 3.2).
///
/// ```no_run
/// use mta_sts_publisher::{HostedPolicies, PolicySource};
///
/// let source = PolicySource::Folder("/etc/mtasts/policies".into());
/// let (policies, faults) = HostedPolicies::read(&source, &HostedPolicies::default())?;
/// for fault in &faults {
///     eprintln!("{fault}");
/// }
/// assert!(policies.body("mta-sts.example.com").is_some());
/// # Ok::<(), mta_sts_publisher::PolicySourceError>(())
/// ```
///
/// Equal texts are held once, so ten thousand domains of one provider take little memory.
#[derive(Clone, Debug, Default)]
pub struct HostedPolicies {
    bodies: HashMap<Box<str>, Bytes>,
}

/// Where policies are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicySource {
    /// A folder with a folder for each domain, in it the policy: `example.com/mta-sts.txt`. Names that begin with a dot,
    /// and files beside the folders, are ignored.
    Folder(PathBuf),
    /// A file for each of these domains.
    Files(Vec<(String, PathBuf)>),
}

/// The reason why no policies can be read at all.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .path.display())]
pub struct PolicySourceError {
    path: PathBuf,
    error: io::Error,
}

/// A policy that is not served as it is in its file. [`Display`](fmt::Display) writes one line: the file, the line, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    path: PathBuf,
    text: String,
    span: Option<Range<usize>>,
    message: String,
    goes_on: bool,
}

impl HostedPolicies {
    /// Reads every policy. A broken one is returned as a fault, and what `before` has for its domain stays in force.
    ///
    /// A policy is broken where senders refuse it ([`Policy::parse`]), or where it is longer than the 64 KiB that they read
    /// (RFC 8461, 3.3).
    ///
    /// # Errors
    ///
    /// Returns an error if the folder itself cannot be read; then nothing is known of any domain, and `before` should
    /// stay in force.
    pub fn read(source: &PolicySource, before: &Self) -> Result<(Self, Vec<PolicyFault>), PolicySourceError> {
        Self::read_all(std::slice::from_ref(source), before)
    }

    /// Reads every policy of several sources, as [`read`](Self::read) does. Of two for one domain the first one counts, and the other is a
    /// fault.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn read_all(
        sources: &[PolicySource],
        before: &Self,
    ) -> Result<(Self, Vec<PolicyFault>), PolicySourceError> {
        let (mut policies, mut faults) = (Self::default(), Vec::new());
        let mut texts = HashSet::new();
        for source in sources {
            for (name, path, stands_in) in source.files()? {
                match domain(&name) {
                    Ok(domain) => policies.add(&domain, &path, before, &mut texts, &mut faults),
                    Err(message) => faults.push(PolicyFault::of_file(&stands_in, message)),
                }
            }
        }
        Ok((policies, faults))
    }

    fn add(
        &mut self,
        domain: &PolicyDomain,
        path: &Path,
        before: &Self,
        texts: &mut HashSet<Bytes>,
        faults: &mut Vec<PolicyFault>,
    ) {
        let host = domain.policy_host().into_boxed_str();
        let Entry::Vacant(place) = self.bodies.entry(host) else {
            faults.push(PolicyFault::of_file(path, format!("there is another policy for {domain}")));
            return;
        };
        match read_policy(path) {
            Ok(text) => {
                let body = texts.get(text.as_slice()).cloned().unwrap_or_else(|| {
                    // Without the room that reading left.
                    let body = Bytes::from(text.into_boxed_slice());
                    texts.insert(body.clone());
                    body
                });
                place.insert(body);
            }
            Err(mut fault) => {
                if let Some(body) = before.bodies.get(place.key()) {
                    fault.goes_on = true;
                    let body = texts.get(body).unwrap_or(body).clone();
                    place.insert(body);
                }
                faults.push(fault);
            }
        }
    }

    /// Adds the policy of a domain, or replaces it.
    pub fn insert(&mut self, domain: &PolicyDomain, policy: &Policy) {
        let body = Bytes::copy_from_slice(policy.text().as_bytes());
        self.bodies.insert(domain.policy_host().into_boxed_str(), body);
    }

    /// The text that is served by this Policy Host, whose name is in lower case, without a dot at its end.
    pub fn body(&self, host: &str) -> Option<&[u8]> {
        self.bodies.get(host).map(AsRef::as_ref)
    }

    pub(crate) fn shared_body(&self, host: &str) -> Option<Bytes> {
        self.bodies.get(host).cloned()
    }

    /// The names of all Policy Hosts, in no order.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.bodies.keys().map(AsRef::as_ref)
    }

    /// The number of domains.
    pub fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Returns whether there is no domain.
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    /// The name of the Policy Host if there is just one.
    pub(crate) fn only_host(&self) -> Option<&str> {
        let mut hosts = self.hosts();
        hosts.next().filter(|_| hosts.next().is_none())
    }
}

impl PolicySource {
    /// The name of each domain, the file with its policy, and where the name stands.
    fn files(&self) -> Result<Vec<(String, PathBuf, PathBuf)>, PolicySourceError> {
        let folder = match self {
            Self::Files(files) => {
                return Ok(files
                    .iter()
                    .map(|(name, path)| (name.clone(), path.clone(), name.into()))
                    .collect());
            }
            Self::Folder(folder) => folder,
        };
        let failed = |error| PolicySourceError { path: folder.clone(), error };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.starts_with('.') && path.is_dir() {
                files.push((name, path.join(FILE), path));
            }
        }
        // The first of two folders for one domain must not depend on the file system.
        files.sort_unstable();
        Ok(files)
    }
}

fn domain(name: &str) -> Result<PolicyDomain, String> {
    PolicyDomain::parse(name).map_err(|error| format!("this is not the name of a domain: {error}"))
}

/// Reads a text that senders accept.
fn read_policy(path: &Path) -> Result<Vec<u8>, PolicyFault> {
    let max_len = FetchLimits::new().max_body_len();
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(max_len as u64 + 1).read_to_end(&mut text));
    read.map_err(|error| PolicyFault::of_file(path, error.to_string()))?;
    if text.len() > max_len {
        return Err(PolicyFault::of_file(
            path,
            format!("the policy is longer than the {max_len} octets that senders read"),
        ));
    }
    // The finding has the words for its owner; only of a broken one they are needed.
    if Policy::parse(&text).is_ok() {
        return Ok(text);
    }
    let findings = lint::policy_with(&text, Strictness::Tolerant);
    let finding = findings.into_iter().find(|finding| finding.severity() == Severity::Error);
    let lossy = String::from_utf8_lossy(&text).into_owned();
    // Positions in a text that is not UTF-8 are those of another text.
    let span = finding.as_ref().map(lint::Finding::span).filter(|_| lossy.as_bytes() == text);
    let message = finding.map_or_else(
        || "the policy is not valid".to_owned(),
        |finding| format!("{} {}", finding.message(), finding.help()),
    );
    Err(PolicyFault { path: path.to_owned(), text: lossy, span, message, goes_on: false })
}

impl PolicySourceError {
    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl PolicyFault {
    fn of_file(path: &Path, message: String) -> Self {
        Self { path: path.to_owned(), text: String::new(), span: None, message, goes_on: false }
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of the file, and the octets of it that are wrong; `None` if it is not about the text.
    pub fn place(&self) -> Option<(&str, Range<usize>)> {
        self.span.clone().map(|span| (self.text.as_str(), span))
    }

    /// What is wrong, in one or two sentences.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns whether an earlier policy of the domain goes on to be served.
    pub const fn goes_on(&self) -> bool {
        self.goes_on
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.path.display();
        match self.place() {
            Some((text, span)) => {
                let line = 1 + text.as_bytes()[..span.start].iter().filter(|octet| **octet == b'\n').count();
                write!(formatter, "{file}:{line}: {}", self.message)
            }
            None => write!(formatter, "{file}: {}", self.message),
        }
    }
}

const FILE: &str = "mta-sts.txt";

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n";

    fn write(folder: &Path, domain: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(folder.join(domain)).unwrap();
        fs::write(folder.join(domain).join(FILE), text).unwrap();
    }

    fn read(folder: &Path, before: &HostedPolicies) -> (HostedPolicies, Vec<String>) {
        let (policies, faults) = HostedPolicies::read(&PolicySource::Folder(folder.into()), before).unwrap();
        let prefix = format!("{}/", folder.display());
        (policies, faults.iter().map(|fault| fault.to_string().replace(&prefix, "")).collect())
    }

    #[test]
    fn each_domain_has_the_text_of_its_file_and_equal_texts_are_held_once() {
        let folder = tempfile::tempdir().unwrap();
        for domain in ["example.com", "Example.NET", "b\u{fc}cher.example"] {
            write(folder.path(), domain, POLICY);
        }
        fs::create_dir(folder.path().join(".git")).unwrap();
        fs::write(folder.path().join("README"), "text").unwrap();
        let (policies, faults) = read(folder.path(), &HostedPolicies::default());
        assert_eq!(faults, [""; 0]);
        let mut hosts: Vec<_> = policies.hosts().collect();
        hosts.sort_unstable();
        assert_eq!(hosts, ["mta-sts.example.com", "mta-sts.example.net", "mta-sts.xn--bcher-kva.example"]);
        let starts: HashSet<_> = hosts.iter().map(|host| policies.body(host).unwrap().as_ptr()).collect();
        assert_eq!((starts.len(), policies.body("mta-sts.example.com")), (1, Some(POLICY.as_bytes())));
        assert_eq!((policies.only_host(), policies.len(), policies.body("example.com")), (None, 3, None));
    }

    #[test]
    fn a_broken_policy_is_named_with_its_line_and_the_old_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.example", POLICY);
        write(folder.path(), "b.example", POLICY);
        let (before, _) = read(folder.path(), &HostedPolicies::default());
        write(folder.path(), "a.example", POLICY.replace("enforce", "enforced"));
        write(folder.path(), "b.example", POLICY.replace("604800", "86400"));
        write(folder.path(), "c.example", "version: STSv1\nmode: \u{fc}\n");
        write(folder.path(), "d.example", b"version: STSv1\nmode: \xfc\n");
        write(folder.path(), "e.example", "#".repeat(65_537));
        write(folder.path(), "no domain", POLICY);
        fs::create_dir(folder.path().join("f.example")).unwrap();
        let (after, faults) = read(folder.path(), &before);
        let starts = [
            "a.example/mta-sts.txt:2: The mode is none of",
            "c.example/mta-sts.txt:2: The mode is none of",
            "d.example/mta-sts.txt: ",
            "e.example/mta-sts.txt: the policy is longer than the 65536 octets",
            "f.example/mta-sts.txt: No such file",
            "no domain: this is not the name of a domain",
        ];
        assert_eq!(faults.len(), starts.len(), "{faults:#?}");
        for (fault, start) in faults.iter().zip(starts) {
            assert!(fault.starts_with(start), "{fault}");
        }
        assert_eq!(after.len(), 2);
        assert_eq!(after.body("mta-sts.a.example"), before.body("mta-sts.a.example"));
        assert_ne!(after.body("mta-sts.b.example"), before.body("mta-sts.b.example"));
    }

    #[test]
    fn what_is_gone_is_no_longer_served_and_two_files_for_one_domain_are_told() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.example", POLICY);
        write(folder.path(), "A.example", POLICY);
        let (policies, faults) = read(folder.path(), &HostedPolicies::default());
        assert_eq!(faults, ["a.example/mta-sts.txt: there is another policy for a.example"]);
        assert_eq!(policies.only_host(), Some("mta-sts.a.example"));
        fs::remove_dir_all(folder.path().join("a.example")).unwrap();
        fs::remove_dir_all(folder.path().join("A.example")).unwrap();
        assert!(read(folder.path(), &policies).0.is_empty());
        fs::remove_dir(folder.path()).unwrap();
        let gone = HostedPolicies::read(&PolicySource::Folder(folder.path().into()), &policies).unwrap_err();
        assert_eq!(gone.path(), folder.path());
    }
}
