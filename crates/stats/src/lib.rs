//! Estimators over per-question values.
