//! Conversions of arguments from Python.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use mta_sts_core::UnixTime;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyInt, PyMemoryView, PyString};
use serde::de::DeserializeOwned;

use crate::error::unknown_word;

/// Below this a parse takes less time than releasing and reacquiring the GIL.
pub(crate) const LARGE: usize = 4096;

/// Text as the network sent it: `bytes`, anything that `bytes()` accepts as a buffer, or a `str`, which means its
/// UTF-8.
pub(crate) struct Octets<'a>(Cow<'a, [u8]>);

impl AsRef<[u8]> for Octets<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> Octets<'a> {
    pub(crate) fn into_cow(self) -> Cow<'a, [u8]> {
        self.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Octets<'a> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        // First, since an extraction that fails makes an exception.
        if object.is_instance_of::<PyBytes>() {
            return Ok(Self(Cow::Borrowed(object.extract::<&'a [u8]>()?)));
        }
        if let Ok(text) = object.extract::<&'a str>() {
            return Ok(Self(Cow::Borrowed(text.as_bytes())));
        }
        if object.is_instance_of::<PyString>() {
            // Lone surrogates become octets that are not UTF-8, which the parser reports.
            let arguments = ("utf-8", "surrogatepass");
            let bytes = object.call_method1(intern!(object.py(), "encode"), arguments)?;
            return Ok(Self(Cow::Owned(bytes.extract::<&[u8]>()?.to_vec())));
        }
        if object.is_instance_of::<PyByteArray>() || object.is_instance_of::<PyMemoryView>() {
            let bytes = object.py().get_type::<PyBytes>().call1((object,))?;
            return Ok(Self(Cow::Owned(bytes.extract::<&[u8]>()?.to_vec())));
        }
        let class = object.get_type().name()?;
        Err(PyTypeError::new_err(format!("expected bytes or str, not {class}")))
    }
}

/// The texts of an iterable. A lone `bytes` or `str` is refused: it is an iterable too, of the wrong items.
pub(crate) fn octets_of_each(iterable: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<u8>>> {
    if iterable.is_instance_of::<PyBytes>() || iterable.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("expected an iterable of bytes or str, not one of them alone"));
    }
    iterable.try_iter()?.map(|item| Ok(item?.extract::<Octets<'_>>()?.into_cow().into_owned())).collect()
}

/// The strings of an iterable; a single string, although itself an iterable, is rejected. Lone surrogates are replaced
/// as in [`Text`].
pub(crate) fn text_of_each(iterable: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if iterable.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err("expected an iterable of str, not one alone"));
    }
    iterable.try_iter()?.map(|item| Ok(item?.extract::<Text<'_>>()?.0.into_owned())).collect()
}

/// A name given as `str`. A lone surrogate, which has no UTF-8, becomes the replacement character: no name contains it,
/// so the parser reports its position.
pub(crate) struct Text<'a>(Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Text<'a> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.extract::<&'a str>() {
            return Ok(Self(Cow::Borrowed(text)));
        }
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Self(Cow::Owned(text.to_string_lossy().into_owned())));
        }
        let class = object.get_type().name()?;
        Err(PyTypeError::new_err(format!("expected str, not {class}")))
    }
}

/// The text of a keyword; for `from_py_with`, so that the default of a parameter can be a literal.
pub(crate) fn word_text<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    object.extract::<&str>().map_err(|error| match object.cast::<PyString>() {
        Ok(text) => unknown_word(object.py(), "word of this package", &text.to_string_lossy()),
        Err(_) => error,
    })
}

/// A count or a number of octets; for `from_py_with`.
pub(crate) fn size(object: &Bound<'_, PyAny>) -> PyResult<usize> {
    object.extract().map_err(|error: PyErr| {
        out_of_range(object.py(), error, "a size must be a number from 0 to 2**64 - 1")
    })
}

/// A number of sessions; for `from_py_with`.
pub(crate) fn count(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    object.extract().map_err(|error: PyErr| {
        out_of_range(object.py(), error, "a count must be a number from 0 to 2**64 - 1")
    })
}

/// The lowest 64 bits of any integer, such as a Python hash; for `from_py_with`.
pub(crate) fn any_number(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    object.cast::<PyInt>()?.bitand(u64::MAX)?.extract()
}

/// An optional size.
pub(crate) fn optional_size(object: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    if object.is_none() { Ok(None) } else { size(object).map(Some) }
}

/// An HTTP status; for `from_py_with`.
pub(crate) fn http_status(object: &Bound<'_, PyAny>) -> PyResult<u16> {
    object
        .extract()
        .map_err(|error: PyErr| out_of_range(object.py(), error, "a status must be a number from 0 to 65535"))
}

fn out_of_range(py: Python<'_>, error: PyErr, message: &'static str) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(py) { PyValueError::new_err(message) } else { error }
}

/// A point in time: Unix seconds, or an aware `datetime`.
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) UnixTime);

impl<'a, 'py> FromPyObject<'a, 'py> for Time {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        match object.extract::<u64>() {
            Ok(seconds) => return Ok(Self(UnixTime::from_secs(seconds))),
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                return Err(PyValueError::new_err(A_TIME));
            }
            Err(_) => {}
        }
        let seconds = if let Ok(seconds) = object.extract::<f64>() {
            seconds
        } else {
            let Ok(zone) = object.getattr(intern!(py, "tzinfo")) else {
                let class = object.get_type().name()?;
                return Err(PyTypeError::new_err(format!(
                    "expected Unix seconds or a datetime, not {class}"
                )));
            };
            if zone.is_none() {
                return Err(PyValueError::new_err("a datetime must be aware: it has no tzinfo"));
            }
            let timestamp = object.call_method0(intern!(py, "timestamp"));
            let timestamp = timestamp.and_then(|timestamp| timestamp.extract::<f64>());
            timestamp.map_err(|error| {
                if error.is_instance_of::<PyOverflowError>(py) {
                    return PyValueError::new_err(A_TIME);
                }
                PyTypeError::new_err("expected Unix seconds or a datetime")
            })?
        };
        match duration(seconds) {
            Some(since_epoch) => Ok(Self(UnixTime::from_secs(since_epoch.as_secs()))),
            None => Err(PyValueError::new_err(A_TIME)),
        }
    }
}

const A_TIME: &str = "a time must be a number of seconds from 0 to 2**64 - 1";

/// A span of time: seconds, or a `timedelta`.
#[derive(Clone, Copy)]
pub(crate) struct Span(pub(crate) Duration);

impl<'a, 'py> FromPyObject<'a, 'py> for Span {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let seconds = match object.extract::<f64>() {
            Ok(seconds) => seconds,
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => f64::INFINITY,
            Err(_) => {
                let total = object.call_method0(intern!(py, "total_seconds"));
                let total = total.and_then(|total| total.extract());
                total.map_err(|_| PyTypeError::new_err("expected seconds or a timedelta"))?
            }
        };
        let span = "a span of time must be a number of seconds from 0 to 2**64 - 1";
        duration(seconds).map(Self).ok_or_else(|| PyValueError::new_err(span))
    }
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// The value of a keyword.
pub(crate) fn from_word<T: DeserializeOwned>(what: &str, word: &str) -> PyResult<T> {
    serde_plain::from_str(word).map_err(|_| Python::attach(|py| unknown_word(py, what, word)))
}

/// An IP address: one of `ipaddress`, or a text.
pub(crate) struct IpAddress(pub(crate) IpAddr);

impl<'a, 'py> FromPyObject<'a, 'py> for IpAddress {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let is_text = object.is_instance_of::<PyString>();
        object.extract::<IpAddr>().map(Self).map_err(|_| match object.get_type().name() {
            Ok(_) if is_text => PyValueError::new_err("the text is not an IP address"),
            Ok(class) => {
                PyTypeError::new_err(format!("expected str or an address of ipaddress, not {class}"))
            }
            Err(error) => error,
        })
    }
}
