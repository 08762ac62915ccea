//! The flip protocol, rule by rule, on the local pointer.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

mod compare_and_set;
mod create;
mod filing;
mod forward;
#[path = "../pointer/memory.rs"]
mod memory;
mod naming;
mod overriding;
mod quarantine;
mod recovery;
mod rollback;
mod trouble;
#[path = "../pointer/world.rs"]
mod world;

use wfgy_gate::Refusal;
use wfgy_pointer::{FlipError, Moved};
use world::{World, live};

/// The error, which must be one line and have this exit code.
fn refused(result: Result<Moved, FlipError>, exit_code: u8) -> FlipError {
    let error = result.expect_err("refused");
    assert_eq!(error.exit_code(), exit_code, "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

fn refusal(result: Result<Moved, FlipError>, exit_code: u8) -> Refusal {
    match refused(result, exit_code) {
        FlipError::Refused { refusal, .. } => *refusal,
        other => panic!("not a refusal of the gate: {other}"),
    }
}

fn state(world: &World) -> wfgy_core::PointerState {
    world.flip().show(&live()).unwrap()
}
