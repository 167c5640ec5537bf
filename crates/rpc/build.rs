//! Compiles the services of `proto/` to Rust.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

/// Import all the others.
const SERVICES: [&str; 4] = [
    "ripieno/v1/site.proto",
    "ripieno/v1/researcher.proto",
    "ripieno/v1/operator.proto",
    "ripieno/v1/steward.proto",
];
/// Imported by none of them: what stands in their `bytes` fields, for whoever asks by reflection.
const CONTENTS: [&str; 2] = ["ripieno/v1/session.proto", "ripieno/v1/membership.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let files = |names: &[&str]| -> Vec<PathBuf> { names.iter().map(|n| proto.join(n)).collect() };

    let services = protox::compile(files(&SERVICES), [&proto])?;
    tonic_prost_build::configure()
        .bytes(".")
        .codec_path("crate::codec::Lean")
        // Some messages carry secrets, and their text form would show them.
        .skip_debug(["."])
        .compile_fds(services)?;

    let all = protox::compile(files(&[&SERVICES[..], &CONTENTS[..]].concat()), [&proto])?;
    let out = PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin");
    fs::write(out, all.encode_to_vec())?;
    Ok(())
}
