//! Policies, findings, verdicts and the approval that a forward flip needs.
