//! Getters that cannot fail. The module for errors uses them too.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a function that cannot fail: returns `otherwise` if it panics.
pub(crate) fn get<T>(otherwise: T, body: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(body)).ok().flatten().unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_getter_is_no_answer() {
        assert_eq!(get(7, || panic!("a bug of the core")), 7);
    }
}
