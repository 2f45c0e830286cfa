//! Conversions of keywords and values to Python.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use serde::Serialize;

/// The member of an enum of `mta_sts._words` with this value.
pub(crate) fn word<'py>(py: Python<'py>, class: &str, word: &str) -> PyResult<Bound<'py, PyAny>> {
    static MEMBERS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let members = MEMBERS.get_or_try_init(py, || {
        let members = py.import("mta_sts._words")?.getattr("MEMBERS")?;
        Ok::<_, PyErr>(members.cast_into::<PyDict>()?.unbind())
    })?;
    let members = members.bind(py).as_any();
    members.get_item(class)?.get_item(word)
}

/// The same as [`word`], for a type that is serialized with serde.
pub(crate) fn word_of<'py, T: Serialize>(
    py: Python<'py>,
    class: &str,
    value: &T,
) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_plain::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))?;
    word(py, class, &text)
}

/// An instance of a class of `mta_sts._values`.
pub(crate) fn value<'py>(
    py: Python<'py>,
    class: &str,
    arguments: impl PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    values(py)?.getattr(class)?.call1(arguments)
}

/// Returns whether it is an instance of a class of `mta_sts._values`.
pub(crate) fn is_value(object: &Bound<'_, PyAny>, class: &str) -> PyResult<bool> {
    object.is_instance(&values(object.py())?.getattr(class)?)
}

fn values(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static VALUES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = VALUES.get_or_try_init(py, || py.import("mta_sts._values").map(Bound::unbind))?;
    Ok(module.bind(py))
}

/// The hash of a value by its content.
pub(crate) fn hash_of(content: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// What `__reduce__` gives for a value whose pickle is made in Python, by this function of `mta_sts._pickling`.
pub(crate) fn reduced<'py>(function: &str, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    value.py().import("mta_sts._pickling")?.getattr(function)?.call1((value,))
}

/// As Python writes it.
pub(crate) const fn shown_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}
