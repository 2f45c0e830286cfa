//! The file of overrides.

use std::collections::BTreeMap;
use std::path::Path;

use mta_sts_core::Mode;
use mtasts_socketmap::{OverrideError, Overrides};
use serde::Deserialize;
use toml::Spanned;

use super::super::daemons::Fault;
use super::configuration::ConfigurationError;

/// The settings for one destination: exactly one of these.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    policy: Option<OverridingPolicy>,
    exempt: Option<Exempt>,
    smart_host: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverridingPolicy {
    mode: OverridingMode,
    mx: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OverridingMode {
    Enforce,
    Testing,
}

/// Only `true` is valid: a destination that is not exempt is left out of the file.
#[derive(Debug, Deserialize)]
#[serde(try_from = "bool")]
struct Exempt;

/// Reads a file of overrides.
pub(super) fn read(file: &Path) -> Result<Overrides, ConfigurationError> {
    let octets = std::fs::read(file)
        .map_err(|error| ConfigurationError::Unreadable(format!("{}: {error}", file.display())))?;
    let text = Fault::text(file, octets).map_err(ConfigurationError::Faulty)?;
    parse(file, &text).map_err(ConfigurationError::Faulty)
}

fn parse(file: &Path, text: &str) -> Result<Overrides, Fault> {
    let mut entries: Vec<_> = toml::from_str::<BTreeMap<Spanned<String>, Entry>>(text)
        .map_err(|error| {
            let fault = Fault::toml(file, text, &error);
            // In TOML `[example.com]` is a table within a table.
            if fault.is_in_line(|line| line.starts_with('[')) {
                fault.with_help("write the destination in quotes: [\"example.com\"]")
            } else {
                fault
            }
        })?
        .into_iter()
        .collect();
    // In the order of the file, so that of two faults the first is reported.
    entries.sort_by_key(|(destination, _)| destination.span().start);
    let mut overrides = Overrides::new();
    for (destination, entry) in entries {
        entry
            .add_to(&mut overrides, destination.get_ref())
            .map_err(|message| Fault::at(file, text, destination.span(), message))?;
    }
    Ok(overrides)
}

impl Entry {
    fn add_to(self, overrides: &mut Overrides, destination: &str) -> Result<(), String> {
        let added: Result<(), OverrideError> = match (self.policy, self.exempt, self.smart_host) {
            (Some(policy), None, None) => {
                let mode = match policy.mode {
                    OverridingMode::Enforce => Mode::Enforce,
                    OverridingMode::Testing => Mode::Testing,
                };
                overrides.add_policy(destination, mode, policy.mx)
            }
            (None, Some(Exempt), None) => overrides.add_exemption(destination),
            (None, None, Some(names)) => overrides.add_smart_host(destination, names),
            _ => {
                return Err(
                    "A destination must have exactly one of `policy`, `exempt` and `smart-host`.".to_owned()
                );
            }
        };
        added.map_err(|error| error.to_string())
    }
}

impl TryFrom<bool> for Exempt {
    type Error = &'static str;

    fn try_from(exempt: bool) -> Result<Self, Self::Error> {
        if exempt {
            Ok(Self)
        } else {
            Err("only `true` is allowed: leave out a destination that is not exempt")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        parse(Path::new("overrides.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn destinations_are_read() {
        let overrides = parse(
            Path::new("overrides.toml"),
            r#"
            ["example.test"]
            policy = { mode = "enforce", mx = ["mx.example.test", "*.example.net.test"] }
            ["partner.test"]
            exempt = true
            ["[relay.test]:587"]
            smart-host = ["relay.test"]
            "#,
        )
        .unwrap();
        let mut expected = Overrides::new();
        expected
            .add_policy("example.test", Mode::Enforce, ["mx.example.test", "*.example.net.test"])
            .unwrap();
        expected.add_exemption("partner.test").unwrap();
        expected.add_smart_host("[relay.test]:587", ["relay.test"]).unwrap();
        assert_eq!(overrides, expected);
        assert_eq!(parse(Path::new("overrides.toml"), ""), Ok(Overrides::new()));
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_is_expected() {
        for (text, place, expected) in [
            ("['a.test']\nexempt = true\n['A.test.']\nexempt = true", "3:2", "twice"),
            ("['a.test']\nexempt = true\n['a.test']\nexempt = true", "3:2", "duplicate key"),
            ("['.a.test']\nexempt = true", "1:2", "Subdomains are not included"),
            ("['a test']\nexempt = true", "1:2", "This is not a destination"),
            ("['a.test']", "1:2", "exactly one of"),
            ("['a.test']\nexempt = true\nsmart-host = ['b.test']", "1:2", "exactly one of"),
            ("['a.test']\nexempt = false", "2:10", "leave out"),
            ("['a.test']\nsmart-host = []", "1:2", "at least one"),
            ("['a.test']\nsmarthost = ['b.test']", "2:1", "expected one of `policy`"),
            (
                "['a.test']\npolicy = { mode = 'none', mx = ['b.test'] }",
                "2:19",
                "expected `enforce` or `testing`",
            ),
            ("['a.test']\npolicy = { mode = 'enforce', mx = ['b test'] }", "1:2", "Give host names"),
            ("['a.test']\npolicy = { mode = 'enforce' }", "2:10", "missing field `mx`"),
            ("[a.test]\nexempt = true", "1:4", "write the destination in quotes"),
        ] {
            let told = told(text);
            assert!(
                told.starts_with(&format!("overrides.toml:{place}: ")) && told.contains(expected),
                "{text}: {told}"
            );
        }
    }
}
