//! Common code of the sequences: Python indices.

use pyo3::exceptions::{PyIndexError, PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

/// The item or the list of items for a subscript, created on access.
pub(crate) fn subscript<'py>(
    key: &Bound<'py, PyAny>,
    len: usize,
    item: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let signed_len = isize::try_from(len)?;
    if let Ok(slice) = key.cast::<PySlice>() {
        let indices = slice.indices(signed_len)?;
        let mut next = indices.start;
        let items: PyResult<Vec<_>> = (0..indices.slicelength)
            .map(|_| {
                let index = usize::try_from(next)?;
                // The step after the last item leads anywhere.
                next = next.wrapping_add(indices.step);
                item(index)
            })
            .collect();
        return Ok(PyList::new(key.py(), items?)?.into_any());
    }
    let index: isize = match key.extract::<isize>() {
        Err(error) if error.is_instance_of::<PyOverflowError>(key.py()) => isize::MAX,
        index => index?,
    };
    let index = if index < 0 { index + signed_len } else { index };
    match usize::try_from(index) {
        Ok(index) if index < len => item(index),
        _ => Err(PyIndexError::new_err("index out of range")),
    }
}

/// The index of the first item that equals `wanted`.
pub(crate) fn index(found: Option<usize>) -> PyResult<usize> {
    found.ok_or_else(|| PyValueError::new_err("not in the sequence"))
}
