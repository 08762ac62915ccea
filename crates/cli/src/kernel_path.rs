//! The kernel path that the user asks for.

use wfgy_kernel::Isa;

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
