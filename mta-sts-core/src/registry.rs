//! Domains under which anybody may register names.

/// Returns whether anybody may register names under a domain: a top-level domain, or a usual second-level
/// domain of a country.
pub(crate) fn is_registry(domain: &str) -> bool {
    match domain.split_once('.') {
        None => true,
        Some((second, top)) => {
            top.len() == 2
                && matches!(
                    second,
                    "ac" | "co" | "com" | "edu" | "gov" | "gob" | "go" | "ne" | "net" | "or" | "org"
                )
        }
    }
}
