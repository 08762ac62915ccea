//! Why an index did not pass: what may be wrong, the likeliest first, with what speaks for it.
//!
//! [`observe`] asks the stores what it needs, in bounded samples that are the same every time;
//! [`causes`] is a pure function of what it saw. A diagnosis explains a verdict and decides
//! nothing: it stands in the report and in no digest.

mod borders;
mod cause;
mod causes;
mod corpus;
mod effort;
mod observe;
mod prose;
mod targets;
mod vectors;

pub use borders::BorderSight;
pub use cause::{Cause, CauseKind};
pub use causes::causes;
pub use corpus::CorpusSight;
pub use effort::EffortSight;
pub use observe::{Observations, observe};
pub use prose::ProseSight;
pub use targets::TargetSight;
pub use vectors::{MetricSight, NormSight};
