// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keysets for somewhere else, and from there.

use std::os::unix::fs::PermissionsExt;

use crate::kit::Room;

#[test]
fn an_exported_keyset_is_imported_elsewhere() {
    let (here, there) = (Room::with_keyset(), Room::new());
    let token = here.ok_with(["token", "seal"], b"x");
    here.write_secret("p", "pass");
    let json =
        here.json(["keyset", "export", "--new-passphrase-file", "p", "-o", "k.swxk", "--json"]);
    assert_eq!((&json["protected"], &json["revision"]), (&true.into(), &1.into()));
    there.write("k.swxk", here.read("k.swxk"));
    there.write_secret("p", "pass");
    there.write_secret("wrong", "wrong");
    there.run(["keyset", "import", "k.swxk"]).fails(5, &["k.swxk: ", "--passphrase-file"]);
    there
        .run(["keyset", "import", "k.swxk", "--passphrase-file", "wrong"])
        .fails(3, &["wrong pass"]);
    assert!(!there.home_file("default.swxk").exists());
    there.ok(["keyset", "import", "k.swxk", "--passphrase-file", "p"]);
    let open = ["token", "open", "--keyset-passphrase-file", "p"];
    assert_eq!(there.ok_with(open, &token), b"x");
    there
        .run(["keyset", "import", "k.swxk", "--passphrase-file", "p"])
        .fails(6, &["default.swxk: exists already", "never replaced", "--as"]);
    let mode = there.home_file("default.swxk").metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_export_says_how_it_is_protected() {
    let room = Room::with_keyset();
    room.run(["keyset", "export", "-o", "x"]).fails(2, &["--new-passphrase-file", "--unprotected"]);
    let run = room.run(["keyset", "export", "--unprotected", "-o", "x"]);
    assert!(run.stderr.contains("NOT PROTECTED"), "{}", run.stderr);
    run.ok();
    assert_eq!(room.read("x"), std::fs::read(room.home_file("default.swxk")).expect("a file"));
    room.run(["keyset", "export", "--unprotected", "-o", "x"]).fails(6, &["x: exists already"]);
    assert_eq!(room.ok(["keyset", "export", "--unprotected", "-o", "-"]), room.read("x"));
    room.run(["keyset", "export", "--unprotected", "-r", "x", "-o", "y"])
        .fails(2, &["cannot be used"]);
    assert_eq!(room.names(), ["x"]);
}

#[test]
fn what_is_exported_for_a_recipient_is_recognised_when_it_is_imported() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"x");
    room.write("me.pub", room.ok(["identity", "new", "-o", "me.swxk"]));
    let json = room.json(["keyset", "export", "-r", "me.pub", "-o", "k", "--json"]);
    let fingerprint = json["fingerprint"].as_str().expect("a fingerprint");
    room.run(["keyset", "rotate", "k"])
        .fails(5, &["sealed for another key (x-wing)", "-i IDENTITY"]);
    let import = ["keyset", "import", "k", "--as", "new"];
    room.run(import).fails(5, &["sealed for an identity"]);
    let import = || import.into_iter().chain(["-i", "me.swxk"]);
    room.run(import().chain(["--unprotected"])).fails(2, &["no terminal", "--fingerprint"]);
    room.run(import().chain(["--yes"])).fails(2, &["--new-passphrase-file", "--unprotected"]);
    room.run(import().chain(["--fingerprint", "00", "--unprotected"]))
        .fails(3, &["not the expected"]);
    room.ok(import().chain(["--fingerprint", fingerprint, "--unprotected"]));
    assert_eq!(room.ok_with(["token", "open", "-k", "new"], &token), b"x");
    assert_eq!(room.json(["keyset", "show", "new", "--json"])["fingerprint"], fingerprint);
}

#[test]
fn raw_secrets_leave_only_where_the_policy_allows_it() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"x");
    let old = room.primary("default");
    room.run(["keyset", "export", "--raw", "primary", "-o", "key"])
        .fails(2, &["policy does not allow raw export", "--allow-raw-export"]);
    room.ok(["keyset", "policy", "--allow-raw-export"]);
    room.ok(["keyset", "export", "--raw", &old[..5], "-o", "key"]);
    let secret = room.read("key");
    assert_eq!(secret.len(), 32);
    let file = std::fs::read(room.home_file("default.swxk")).expect("a file");
    assert!(file.windows(32).any(|window| window == secret));
    room.run(["keyset", "export", "--raw", "ffffffff", "-o", "none"]).fails(5, &["no version"]);
    // The same bytes are another key: it has another id.
    room.ok(["keyset", "import", "--raw", "key", "--as", "raw", "--unprotected"]);
    let file = std::fs::read(room.home_file("raw.swxk")).expect("a file");
    assert!(file.windows(32).any(|window| window == secret));
    room.run_with(["token", "open", "-k", "raw"], &token).fails(5, &["no matching key"]);
    let run = room.run(["keyset", "import", "--raw", "key", "--as", "raw", "--unprotected"]);
    run.fails(6, &["raw.swxk: exists already"]);
    room.write("short", &secret[..31]);
    room.run(["keyset", "import", "--raw", "short", "--as", "s", "--unprotected"])
        .fails(4, &["short: a raw secret is 32 bytes"]);
    room.run(["keyset", "import", "--raw", "key", "--as", "a/x", "--unprotected"])
        .fails(2, &["separators"]);
    room.run(["keyset", "import"]).fails(2, &["<FILE>"]);
    room.ok(["keyset", "rotate"]);
    room.ok(["keyset", "destroy", "default", &old, "--yes", "--without-census"]);
    room.run(["keyset", "export", "--raw", &old, "-o", "none"]).fails(5, &["gone for good"]);
}

#[test]
fn what_is_no_keyset_is_not_imported() {
    let room = Room::with_keyset();
    room.write("foreign", "not a keyset, but long enough to be looked at as one");
    room.write("data.swx", room.ok_with(["seal"], b"a"));
    room.write("empty", "");
    let import = |file: &str| room.run(["keyset", "import", file, "--as", "new"]);
    import("foreign").fails(4, &["foreign: malformed"]);
    import("data.swx").fails(4, &["data.swx: ", "not a keyset file"]);
    import("empty").fails(3, &["empty: truncated"]);
    import("absent").fails(6, &["absent: no such file"]);
    let mut damaged = std::fs::read(room.home_file("default.swxk")).expect("a file");
    damaged[100] ^= 1;
    room.write("damaged", damaged);
    import("damaged").fails(4, &["damaged: malformed", "check does not hold"]);
    assert!(!room.home_file("new.swxk").exists());
}
