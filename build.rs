//! How programs are linked.

use std::env::var;
use std::path::Path;
use std::process::Command;

/// GNU's linker: mold 1.10, which links all else, packs addresses but does not tell the C library so, which then refuses the program.
const LINKER: &str = "/usr/bin/ld.bfd";
/// The first C library that reads packed addresses.
const GLIBC: (u32, u32) = (2, 36);

/// Packs the addresses that are fixed up at a start where linker and C library know how: 13 MB of tables less for every process to read and keep, for 15
/// seconds more of linking. A program so linked asks for [`GLIBC`].
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| var(name).as_deref() == Ok(value);
    let known = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && is("CARGO_CFG_TARGET_ARCH", "x86_64");
    if known && Path::new(LINKER).exists() && glibc().is_some_and(|here| here >= GLIBC) {
        println!("cargo:rustc-link-arg-bins=--ld-path={LINKER}");
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Version of this machine's C library.
fn glibc() -> Option<(u32, u32)> {
    let out = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}
