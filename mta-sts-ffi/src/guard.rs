//! Keeps panics from reaching C.

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use crate::getter::get;
use crate::pointer::{Out, give};
use crate::status::{Fault, mtasts_error, mtasts_status};

/// Runs a function that can fail: returns its status, and its error if the caller wants it.
pub(crate) fn run(
    error: Out<'_, *mut mtasts_error>,
    body: impl FnOnce() -> Result<(), Fault>,
) -> mtasts_status {
    // What the body changes is poisoned if a panic could leave it half changed.
    match catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Fault::PANIC)) {
        Ok(()) => crate::status::MTASTS_OK,
        Err(fault) => {
            let status = fault.status();
            if let Some(error) = error {
                give(error, mtasts_error::new(fault));
            }
            status
        }
    }
}

/// A value that becomes unusable after a panic in the middle of a change.
pub(crate) struct Guarded<T> {
    value: T,
    poisoned: bool,
}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value, poisoned: false }
    }

    /// The value, unless it is poisoned.
    pub(crate) const fn read(&self) -> Result<&T, Fault> {
        if self.poisoned { Err(Fault::POISONED) } else { Ok(&self.value) }
    }

    /// Changes the value.
    pub(crate) fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> Result<R, Fault> {
        self.read()?;
        self.poisoned = true;
        let result = change(&mut self.value);
        self.poisoned = false;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{MTASTS_ERR_PANIC, MTASTS_ERR_POISONED, mtasts_error_status};
    use std::mem::MaybeUninit;

    #[test]
    fn a_panic_becomes_a_status_and_poisons() {
        let mut guarded = Guarded::new(1);
        let mut error = MaybeUninit::new(std::ptr::null_mut());
        let status = run(Some(&mut error), || guarded.change(|_| panic!("a bug of the core")));
        assert_eq!(status, MTASTS_ERR_PANIC);
        // SAFETY: it was written by the failed call.
        let error = unsafe { Box::from_raw(error.assume_init()) };
        assert_eq!(mtasts_error_status(Some(&*error)), MTASTS_ERR_PANIC);

        assert_eq!(run(None, || guarded.read().map(drop)), MTASTS_ERR_POISONED);
        assert_eq!(run(None, || guarded.change(|value| *value += 1)), MTASTS_ERR_POISONED);
    }
}
