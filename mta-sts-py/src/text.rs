//! Values that equal their text, with the same hash: a set or a dict finds either by the other.

use std::cmp::Ordering;

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyBool, PyString};

/// What such a value can be compared with. For anything else Python asks the other operand.
pub(crate) enum Comparand<'a, 'py, T> {
    Value(Borrowed<'a, 'py, T>),
    Text(Borrowed<'a, 'py, PyString>),
}

impl<'a, 'py, T: PyClass> FromPyObject<'a, 'py> for Comparand<'a, 'py, T> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match object.cast::<T>() {
            Ok(value) => Ok(Self::Value(value)),
            Err(_) => Ok(Self::Text(object.cast()?)),
        }
    }
}

/// Implements `__richcmp__` for an ordered value. A text can only be equal or not.
pub(crate) fn compare<'py, T: PyClass>(
    canonical: &str,
    other: &Bound<'py, PyAny>,
    operator: CompareOp,
    order: impl FnOnce(&Bound<'py, T>) -> Ordering,
) -> Bound<'py, PyAny> {
    let answer = match (other.extract(), operator) {
        (Ok(Comparand::Value(other)), _) => Some(operator.matches(order(&other))),
        (Ok(Comparand::Text(text)), CompareOp::Eq) => Some(is_text(text, canonical)),
        (Ok(Comparand::Text(text)), CompareOp::Ne) => Some(!is_text(text, canonical)),
        _ => None,
    };
    let py = other.py();
    match answer {
        Some(answer) => PyBool::new(py, answer).to_owned().into_any(),
        None => py.NotImplemented().into_bound(py),
    }
}

/// Returns whether this is the text. A text with a lone surrogate equals no value.
pub(crate) fn is_text(text: Borrowed<'_, '_, PyString>, canonical: &str) -> bool {
    text.to_str().is_ok_and(|text| text == canonical)
}

/// The hash of the text in Python.
pub(crate) fn hash(py: Python<'_>, canonical: &str) -> PyResult<isize> {
    PyString::new(py, canonical).hash()
}
