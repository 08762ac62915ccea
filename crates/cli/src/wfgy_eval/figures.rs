//! How a number is written for people: its digits, and its interval behind it.

use wfgy_core::Number;

/// Four digits: enough to see what a bound decides.
pub(super) fn value(point: f64) -> String {
    if point.fract() == 0.0 && point.abs() >= 2.0 {
        return format!("{point:.0}");
    }
    format!("{point:.4}")
}

/// The interval of a number; an end that too few questions leave open is a dash.
pub(super) fn ends(number: &Number) -> Option<String> {
    let ci = number.ci?;
    let end = |end: Option<f64>| end.map_or("–".to_owned(), |x| format!("{x:.3}"));
    Some(format!("[{}, {}]", end(ci.lower), end(ci.upper)))
}

/// A number that stands in a line of text, its interval behind it.
pub(super) fn inline(number: &Number) -> String {
    let ends = ends(number).map(|ends| format!(" {ends}")).unwrap_or_default();
    format!("{:.3}{ends}", number.point)
}
