//! Compiles the messages of `proto/` to Rust.

use std::error::Error;
use std::path::Path;

/// Import all the others.
const FILES: [&str; 3] =
    ["ripieno/v1/session.proto", "ripieno/v1/membership.proto", "ripieno/v1/cohort.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let files = protox::compile(FILES.map(|file| proto.join(file)), [&proto])?;
    prost_build::Config::new()
        .bytes(["."])
        // Some messages carry secrets, and their text form would show them.
        .skip_debug(["."])
        // The comments are for readers of the .proto files.
        .disable_comments(["."])
        .compile_fds(files)?;
    Ok(())
}
