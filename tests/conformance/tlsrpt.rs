use mta_sts_core::tlsrpt::UnknownWord;
use mta_sts_core::{FetchFailure, PolicyType, ResultType, SessionFault};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::understand;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Input {
    ResultType(String),
    PolicyType(String),
    /// The code of a fetch that failed, or of a fault of a session.
    Failure(String),
    List(List),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum List {
    ResultTypes,
    PolicyTypes,
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    match understand(input)? {
        Input::ResultType(word) => Ok(number_of(word.parse().map(ResultType::number))),
        Input::PolicyType(word) => Ok(number_of(word.parse().map(PolicyType::number))),
        Input::Failure(code) => failure(&code),
        Input::List(List::ResultTypes) => Ok(json!({ "words": words(ResultType::ALL, ResultType::as_str) })),
        Input::List(List::PolicyTypes) => Ok(json!({ "words": words(PolicyType::ALL, PolicyType::as_str) })),
    }
}

fn number_of(number: Result<u16, UnknownWord>) -> Value {
    match number {
        Ok(number) => json!({ "number": number }),
        Err(fault) => json!({ "error": fault.code() }),
    }
}

fn failure(code: &str) -> Result<Value, String> {
    let (number, result_type) = if let Some(failure) = FetchFailure::from_code(code) {
        (failure.number(), Some(failure.result_type()))
    } else if let Some(fault) = SessionFault::from_code(code) {
        (fault.number(), fault.result_type())
    } else {
        return Err(format!("{code} is no failure"));
    };
    Ok(json!({ "number": number, "result_type": result_type.map(ResultType::as_str) }))
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|item| word(*item)).collect()
}
