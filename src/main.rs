use std::process::ExitCode;

/// The system's own is slower by a fifth where several threads take and give back memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rollcall::cli::main()
}
