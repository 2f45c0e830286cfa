//! Gives the shared library its SONAME.
//!
//! The number is that of the ABI: `docs/abi.md` says when it changes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target_os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if !matches!(target_os.as_str(), "macos" | "ios" | "windows") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libmtasts.so.0");
    }
}
