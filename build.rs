//! Has the linker put what a server runs next to each other: what runs is a fifth of the program, and only that needs to be in
//! memory then. `benches/load/layout.rs` makes the list; `docs/performance.md` says what came of it.

fn main() {
    println!("cargo::rerun-if-changed=.cargo/hot.ld");
    let variable = |name| std::env::var(name).unwrap_or_default();
    // GNU's linker and LLVM's, which Rust takes of its own, understand the script. Other ones have to be chosen.
    let linux = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    let chosen = std::env::var_os("RUSTC_LINKER").is_some() || variable("CARGO_ENCODED_RUSTFLAGS").contains("link");
    if linux && !chosen && variable("PROFILE") == "release" {
        println!("cargo::rustc-link-arg-bins=-T{}/.cargo/hot.ld", variable("CARGO_MANIFEST_DIR"));
    }
}
