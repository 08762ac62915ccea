//! From flags to the policy that decides.

use std::path::Path;

use wfgy_core::Embedder;
use wfgy_formats::policy::{self, Loaded};
use wfgy_gate::{
    Baseline, EffectivePolicy, IntegrityMode, NeedsBaseline, PolicyDraft, Setting, Targets,
};

use super::args::{CriteriaArgs, IntegrityName};
use crate::exit::Failure;
use crate::say;

/// The policy that the flags ask for: `--policy`, with the criteria of the other flags in place
/// of its own; without `--policy` these criteria alone; without any, the preset `cutover`.
///
/// # Errors
/// Where a flag or the policy file cannot be used.
pub(crate) fn draft(args: &CriteriaArgs) -> Result<PolicyDraft, Failure> {
    let targets =
        Targets { min_cov: args.min_cov, max_ds: args.max_ds, targets: args.targets.as_deref() };
    let criteria = targets.criteria().map_err(Failure::input)?;
    let base = match (&args.policy, criteria.is_empty()) {
        (Some(named), _) => loaded(named)?,
        (None, true) => loaded("cutover")?,
        (None, false) => PolicyDraft::default(),
    };
    let mut draft = base.overridden_by(criteria);
    if let Some(k) = args.k {
        draft.k = k;
    }
    Ok(draft)
}

/// The policy of a file or preset; what of its words asks nothing is said on standard error.
fn loaded(named: &str) -> Result<PolicyDraft, Failure> {
    let Loaded { policy, remarks } = policy::load(named).map_err(Failure::input)?;
    for remark in remarks {
        say::note(&format!("wfgy_eval: {named}{remark}"));
    }
    Ok(policy.into_draft())
}

/// The policy with everything that decides, as it is printed and hashed.
///
/// # Errors
/// Where the policy contradicts itself, or needs a baseline that was neither given nor declined.
pub(crate) fn effective(
    draft: PolicyDraft,
    baseline: Baseline,
    scorer: String,
    scorer_schema: String,
) -> Result<EffectivePolicy, Failure> {
    let policy = draft.check().map_err(Failure::input)?;
    let setting = Setting { baseline, scorer, scorer_schema, live: Default::default() };
    policy.effective(&setting).map_err(Failure::input)
}

/// [`effective`] for a replay of the evaluation in `folder`, which takes no `--baseline`: it has
/// the one of that evaluation, or none.
///
/// # Errors
/// As [`effective`]; what is said of a baseline is what a replay can do.
pub(crate) fn of_replay(
    draft: PolicyDraft,
    setting: &Setting,
    folder: &Path,
) -> Result<EffectivePolicy, Failure> {
    let policy = draft.check().map_err(Failure::input)?;
    policy.effective(setting).map_err(|NeedsBaseline { policy, metrics }| {
        Failure::input(format!(
            "{} of policy `{policy}` need a baseline, and {} was evaluated without one: \
             --no-baseline skips them by name, or evaluate anew with --baseline",
            metrics.join(", "),
            folder.display()
        ))
    })
}

/// What the flags say of a baseline.
pub(crate) fn baseline(given: bool, declined: bool) -> Baseline {
    match (given, declined) {
        (_, true) => Baseline::Declined,
        (true, false) => Baseline::Given,
        (false, false) => Baseline::Unsaid,
    }
}

/// What the scorer is called in a policy.
pub(crate) fn scorer_names(scorer: &dyn Embedder) -> (String, String) {
    let identity = scorer.identity();
    (identity.model_ver.clone(), identity.schema.to_string())
}

impl From<IntegrityName> for IntegrityMode {
    fn from(name: IntegrityName) -> Self {
        match name {
            IntegrityName::Sample => Self::Sample,
            IntegrityName::Full => Self::Full,
            IntegrityName::Off => Self::Off,
        }
    }
}
