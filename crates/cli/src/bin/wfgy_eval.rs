//! The program `wfgy_eval`.

fn main() -> std::process::ExitCode {
    wfgy_cli::wfgy_eval::main()
}
