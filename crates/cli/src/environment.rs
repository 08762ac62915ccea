//! The environment: every variable that the programs look at, and the only place that does.

use std::env;
use std::ffi::OsString;
use std::fmt::Write;

/// A setting that stands in one of some variables.
pub(crate) struct Variable {
    /// The first of these that is set and not empty counts.
    names: &'static [&'static str],
    /// What it says, for the help.
    says: &'static str,
}

/// Where verdicts, journal and pointers are kept.
pub(crate) const STORE: Variable = Variable {
    names: &["WFGY_STORE"],
    says: "folder of verdicts, journal and pointers, where there is no --store",
};

/// Where the sentence encoder is.
pub(crate) const MODEL: Variable = Variable {
    names: &["WFGY_MODEL"],
    says: "folder of the sentence encoder, where there is no --model",
};

/// Below which the sentence encoder is looked for.
pub(crate) const DATA: Variable = Variable {
    names: &["XDG_DATA_HOME"],
    says: "the sentence encoder is looked for in wfgy/models below it [default: .local/share below HOME]",
};

/// Below which the data folder is.
pub(crate) const HOME: Variable =
    Variable { names: &["HOME"], says: "the user's folder, where XDG_DATA_HOME is not set" };

/// What an embedding service wants to see.
pub(crate) const KEY: Variable = Variable {
    names: &["WFGY_EMBED_KEY", "OPENAI_API_KEY"],
    says: "key of the embedding service; it is sent there and never written anywhere",
};

/// Whom an embedding service's certificate has to come from.
pub(crate) const AUTHORITIES: Variable = Variable {
    names: &["SSL_CERT_FILE"],
    says: "PEM file of the authorities to trust for https, in place of the built-in ones",
};

/// How an embedding service is reached; the HTTP client reads them.
const PROXY: Variable = Variable {
    names: &["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"],
    says: "proxy to the embedding service, and hosts that need none",
};

/// The kernel path.
pub(crate) const KERNEL: Variable = Variable {
    names: &["WFGY_KERNEL"],
    says: "kernel path: portable, avx2, avx512, avx512-vnni or amx [default: the widest there is]",
};

/// Who runs the command.
pub(crate) const USER: Variable = Variable {
    names: &["WFGY_USER", "USER", "LOGNAME"],
    says: "who you are, for the journal [default: your user id]",
};

/// The moment of a build that others can repeat.
pub(crate) const EPOCH: Variable = Variable {
    names: &["SOURCE_DATE_EPOCH"],
    says: "seconds since 1970 that stand in for the clock; a verdict made so approves nothing",
};

/// Whether output has colours; all that print ask for it.
pub(crate) const NO_COLOR: Variable =
    Variable { names: &["NO_COLOR"], says: "no colours, whatever it is set to" };

impl Variable {
    /// Its value, where it is set to anything.
    pub(crate) fn read(&self) -> Option<OsString> {
        self.names.iter().find_map(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// The same as text.
    pub(crate) fn read_text(&self) -> Option<String> {
        self.read().and_then(|value| value.into_string().ok())
    }
}

/// The section of a program's help.
fn section(variables: &[&Variable]) -> String {
    let mut text = "Environment:".to_owned();
    for Variable { names, says } in variables {
        // A string takes everything.
        let _ = write!(text, "\n  {}\n          {says}", names.join(", "));
    }
    text
}

/// What `index_build` looks at.
pub(crate) fn of_index_build() -> String {
    section(&[&STORE, &MODEL, &DATA, &HOME, &KEY, &AUTHORITIES, &PROXY, &KERNEL, &EPOCH, &NO_COLOR])
}

/// What `wfgy_eval` looks at.
pub(crate) fn of_wfgy_eval() -> String {
    section(&[
        &STORE,
        &MODEL,
        &DATA,
        &HOME,
        &KEY,
        &AUTHORITIES,
        &PROXY,
        &KERNEL,
        &USER,
        &EPOCH,
        &NO_COLOR,
    ])
}

/// What `vec` looks at.
pub(crate) fn of_vec() -> String {
    section(&[&STORE, &KERNEL, &USER, &NO_COLOR])
}
