//! From what wasmtime says to what the engine records: one failure code for every way a call can end badly.
//!
//! Details are the same on every run and every machine: no addresses, no backtraces, no sizes of the host.

use crate::imports::Stop;
use engine::rule::{FailureCode, RuleFailure};
use wasmtime::Trap;

/// Longest detail, characters.
const DETAIL_CHARS: usize = 300;

pub(crate) fn failure(code: FailureCode, detail: impl AsRef<str>) -> RuleFailure {
    RuleFailure { code, detail: detail.as_ref().chars().take(DETAIL_CHARS).collect() }
}

/// Why instantiation failed. What is neither a trap nor one of our stops is the machine's: no room for the instance.
pub(crate) fn of_instantiation(error: &wasmtime::Error) -> RuleFailure {
    known(error).unwrap_or_else(|| failure(FailureCode::Limit, format!("cannot instantiate: {}", error.root_cause())))
}

/// Why a call failed. What is neither a trap nor one of our stops went wrong while values crossed: a string that is not
/// UTF-8 or a pointer outside of memory.
pub(crate) fn of_call(error: &wasmtime::Error) -> RuleFailure {
    known(error).unwrap_or_else(|| {
        let cause = error.root_cause().to_string();
        // The type of this error is private to wasmtime; a test holds the words in place.
        if cause.contains("fuel allocated for hostcalls has been exhausted") {
            return failure(FailureCode::OutputTooLarge, "it hands over more than may be copied");
        }
        failure(FailureCode::MalformedOutput, cause)
    })
}

fn known(error: &wasmtime::Error) -> Option<RuleFailure> {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        let code = match stop {
            Stop::Limit(_) => FailureCode::Limit,
            Stop::Undecided { .. } => FailureCode::Undecided,
            Stop::Undeclared(_) => FailureCode::Trap,
        };
        return Some(failure(code, stop.to_string()));
    }
    let trap = error.downcast_ref::<Trap>()?;
    let code = match trap {
        Trap::OutOfFuel => FailureCode::OutOfFuel,
        Trap::Interrupt => FailureCode::Deadline,
        Trap::StackOverflow | Trap::AllocationTooLarge => FailureCode::Limit,
        Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidChar
        | Trap::InvalidDiscriminant
        | Trap::UnalignedPointer => FailureCode::MalformedOutput,
        _ => FailureCode::Trap,
    };
    Some(failure(code, trap.to_string()))
}
