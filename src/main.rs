//! The `chatproof` binary; everything is in the library.

/// Every message costs some dozens of small allocations, which this allocator serves faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    chatproof::cli::main()
}
