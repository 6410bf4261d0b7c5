//! The `chatproof` binary; everything is in the library.

fn main() -> std::process::ExitCode {
    chatproof::cli::main()
}
