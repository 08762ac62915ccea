//! The program `vec`.

fn main() -> std::process::ExitCode {
    wfgy_cli::vec::main()
}
