// SPDX-License-Identifier: MIT OR Apache-2.0
//! The committed header is the one that cbindgen makes from this crate. `SEALWAX_BLESS=1` writes
//! it.

use std::path::Path;

#[test]
fn the_committed_header_is_the_generated_one() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml"))
        .expect("cbindgen.toml can be read");
    let bindings = cbindgen::Builder::new()
        .with_crate(crate_folder)
        .with_config(config)
        .generate()
        .expect("cbindgen understands this crate");
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    let generated = tidy(&String::from_utf8(generated).expect("a header is text"));
    let header = crate_folder.join("../../include/sealwax.h");
    if std::env::var_os("SEALWAX_BLESS").is_some() {
        std::fs::write(&header, &generated).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&header).unwrap_or_default();
    let first = generated.lines().zip(committed.lines()).position(|(one, other)| one != other);
    assert!(
        generated == committed,
        "include/sealwax.h is not what cbindgen makes (line {:?}): run \
         SEALWAX_BLESS=1 cargo test -p sealwax-c --test header",
        first.map(|line| line + 1)
    );
}

/// No line ends with a space, and the file ends with one line break.
fn tidy(text: &str) -> String {
    let mut tidy: String =
        text.trim_start().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    while tidy.ends_with("\n\n") {
        tidy.pop();
    }
    tidy
}
