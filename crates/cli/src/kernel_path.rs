//! The kernel path that the user asks for.

use wfgy_kernel::{Isa, IsaError};

use crate::environment;
use crate::exit::Failure;

/// Takes the path that `WFGY_KERNEL` names; without it, or where it is empty, the best one.
pub(crate) fn select() -> Result<(), Failure> {
    let Some(name) = environment::KERNEL.read() else {
        return Ok(());
    };
    let isa: Result<Isa, _> = name.to_string_lossy().parse();
    isa.and_then(Isa::select).map_err(|e| Failure::input(format!("WFGY_KERNEL: {e}")))
}

/// Logs which paths are not taken though the processor has their instructions: with -v where the
/// system refuses them, always where they compute something else.
pub(crate) fn log_refusals() {
    for refusal in Isa::ALL.into_iter().filter_map(Isa::refusal) {
        match refusal {
            IsaError::Wrong(..) => tracing::warn!("{refusal}"),
            _ => tracing::info!("{refusal}"),
        }
    }
}
