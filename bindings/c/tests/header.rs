// SPDX-License-Identifier: MIT OR Apache-2.0
//! The committed header is the one that cbindgen makes from this crate, and no comment in it leaves
//! out what a caller must know. `SEALWAX_BLESS=1` writes it.

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

#[test]
fn every_function_says_what_a_caller_must_know() {
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include/sealwax.h");
    let header = std::fs::read_to_string(header).expect("the header can be read");
    let (mut comment, mut functions, mut wrong) = (String::new(), 0, Vec::new());
    let mut lines = header.lines();
    while let Some(line) = lines.next() {
        match line.trim_start() {
            "/**" => comment.clear(),
            text if text.starts_with('*') => comment.push_str(text.trim_start_matches(['*', '/'])),
            _ if is_declaration(line) => {
                let mut declaration = line.to_owned();
                while !declaration.ends_with(';') {
                    declaration.push_str(lines.next().expect("a declaration ends"));
                }
                functions += 1;
                wrong.extend(left_out(&declaration, &comment));
                comment.clear();
            }
            _ => {}
        }
    }
    assert!(functions > 100, "only {functions} functions were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a function of the library is declared here; `sealwax_panic` is the program's.
fn is_declaration(line: &str) -> bool {
    let returns = ["int32_t ", "size_t ", "void ", "const char *"];
    let Some(rest) = returns.iter().find_map(|returns| line.strip_prefix(returns)) else {
        return false;
    };
    rest.starts_with("sealwax_") && !rest.starts_with("sealwax_panic")
}

/// What the comment of a function does not say. It may say it by another function, `as sealwax_...`.
fn left_out(declaration: &str, comment: &str) -> Vec<String> {
    let has = |words: &[&str]| words.iter().any(|word| comment.contains(word));
    let refers = has(&["As sealwax_", "as sealwax_", "as in sealwax_"]);
    let (head, parameters) = declaration.split_once('(').expect("a declaration has parameters");
    let name = head.rsplit([' ', '*']).next().unwrap_or_default();
    let fails = head.starts_with("int32_t");
    let says = [
        ("what stack it uses", has(&["Stack:"])),
        ("which threads may call it", has(&["Threads:", "Any thread"])),
        (
            "its errors, and what outputs hold then",
            !fails || refers || has(&["Errors:", "errors:"]),
        ),
        ("where NULL is allowed", !parameters.contains('*') || refers || has(&["NULL"])),
    ];
    let missing = says.into_iter().filter(|(_, said)| !said);
    missing.map(|(what, _)| format!("{name} does not say {what}")).collect()
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
