//! Conversions of keywords and values to Python.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::call::PyCallArgs;
use pyo3::exceptions::{PyTypeError, PyValueError};
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

/// A module with values that are classes of Python.
#[derive(Clone, Copy)]
pub(crate) enum Values {
    /// `mta_sts._values`.
    General,
    /// `mta_sts._publishing`.
    Publishing,
}

impl Values {
    fn class<'py>(self, py: Python<'py>, class: &str) -> PyResult<Bound<'py, PyAny>> {
        static GENERAL: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
        static PUBLISHING: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
        let (module, name) = match self {
            Self::General => (&GENERAL, "mta_sts._values"),
            Self::Publishing => (&PUBLISHING, "mta_sts._publishing"),
        };
        module.get_or_try_init(py, || py.import(name).map(Bound::unbind))?.bind(py).getattr(class)
    }
}

/// An instance of a class of `mta_sts._values`.
pub(crate) fn value<'py>(
    py: Python<'py>,
    class: &str,
    arguments: impl PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    Values::General.class(py, class)?.call1(arguments)
}

/// An instance of a class of `mta_sts._publishing`.
pub(crate) fn published<'py>(
    py: Python<'py>,
    class: &str,
    arguments: impl PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    Values::Publishing.class(py, class)?.call1(arguments)
}

/// Returns whether it is an instance of a class of `mta_sts._values`.
pub(crate) fn is_value(object: &Bound<'_, PyAny>, class: &str) -> PyResult<bool> {
    object.is_instance(&Values::General.class(object.py(), class)?)
}

/// Refuses what is no instance of the class.
pub(crate) fn wanted(values: Values, object: &Bound<'_, PyAny>, class: &str) -> PyResult<()> {
    if object.is_instance(&values.class(object.py(), class)?)? {
        return Ok(());
    }
    let found = object.get_type().name()?;
    Err(PyTypeError::new_err(format!("expected {class}, not {found}")))
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
