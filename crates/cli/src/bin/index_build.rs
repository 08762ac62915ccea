//! The program `index_build`.

fn main() -> std::process::ExitCode {
    wfgy_cli::index_build::main()
}
