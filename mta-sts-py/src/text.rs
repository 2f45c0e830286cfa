//! Values that are equal to their text, and have its hash: a set or a dict finds either by the other.

use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// What such a value may be equal to. With anything else Python asks the other side.
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

/// Whether this is the text. One with a lone surrogate is that of no value.
pub(crate) fn is_text(text: Borrowed<'_, '_, PyString>, canonical: &str) -> bool {
    text.to_str().is_ok_and(|text| text == canonical)
}

/// The hash that Python gives the text.
pub(crate) fn hash(py: Python<'_>, canonical: &str) -> PyResult<isize> {
    PyString::new(py, canonical).hash()
}
