//! The presets that compare with a live index, through the programs.

mod handbook;
mod support;

use handbook::{json, json_file, judge, with_both};
use support::WFGY_EVAL;

#[test]
fn canary_stop_rollback_and_recovery_ask_for_the_baseline_that_they_compare_with() {
    let world = with_both();
    for preset in ["canary", "stop", "rollback", "recovery"] {
        let args = ["--gold", "gold_40.json", "--index", "docs_vB", "--policy", preset];
        world.refused(WFGY_EVAL, &args, 2, &["--baseline", "--no-baseline", "drift."]);
    }
}

#[test]
fn canary_stop_rollback_and_recovery_evaluate_against_a_baseline() {
    let world = with_both();
    for (preset, compared, absent) in [
        ("canary", &["drift.delta_s.median", "latency.p95_ratio"][..], &[][..]),
        ("stop", &["drift.delta_s.p95"], &["live.http_5xx", "live.tool_loops"]),
        ("rollback", &["drift.delta_s.p95", "latency.p99_ratio"], &["live.http_429"]),
        ("recovery", &["drift.delta_s.median", "drift.coverage"], &["live.duplicates"]),
    ] {
        let more = ["--baseline", "docs_vA", "--format", "json", "--out", preset];
        let ran = judge(&world, "docs_vB", &["--policy", preset], &more);
        assert!([0, 1, 3].contains(&ran.code), "{}", ran.told());
        let report = json_file(&world, &format!("{preset}/report.json"));
        let finding = |metric: &str| {
            let findings = report["findings"].as_array().expect("findings");
            let of = |finding: &&serde_json::Value| finding["name"] == metric;
            findings.iter().find(of).unwrap_or_else(|| panic!("{preset}: {metric}: {report}"))
        };
        for metric in compared {
            let finding = finding(metric);
            assert!(finding["number"]["point"].is_number(), "{preset}: {finding}");
        }
        for metric in absent {
            let finding = finding(metric);
            assert!(finding["number"].is_null(), "{preset}: {finding}");
            // A signal that is not connected passes nothing that decides.
            assert!(finding["kind"] != "hard" || finding["verdict"] != "pass", "{finding}");
        }
        assert!(preset == "canary" || json(&ran)["verdict"] != "pass", "{}", ran.told());
    }
}
