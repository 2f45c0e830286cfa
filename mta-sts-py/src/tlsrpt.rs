use mta_sts_core::{PolicyType, ResultType};
use pyo3::prelude::*;

use crate::convert::from_word;

/// `ResultType.number`.
#[pyfunction]
#[pyo3(signature = (word, /))]
pub(crate) fn result_type_number(word: &str) -> PyResult<u16> {
    Ok(from_word::<ResultType>("ResultType", word)?.number())
}

/// `PolicyType.number`.
#[pyfunction]
#[pyo3(signature = (word, /))]
pub(crate) fn policy_type_number(word: &str) -> PyResult<u16> {
    Ok(from_word::<PolicyType>("PolicyType", word)?.number())
}
