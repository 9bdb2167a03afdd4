// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::id::RawKeyId;
use crate::secret::Key;
use crate::wrap::raw_key::RawKey;

fn keyset() -> Keyset {
    Keyset::generate("orders", Suite::ChaCha20Poly1305).expect("generated")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_file_is_read_into_a_buffer_that_never_grows() {
    let folder = folder();
    let path = folder.path().join("keyset");
    for len in [0, 1, 1000] {
        std::fs::write(&path, vec![7; len]).expect("written");
        let bytes = read_open(&File::open(&path).expect("it is there")).expect("not too long");
        assert_eq!((bytes.len(), bytes.capacity()), (len, len + 1));
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_longer_than_it_says_is_refused() {
    // It says that it has no bytes, and has no end.
    let endless = File::open("/dev/zero").expect("it is there");
    assert!(matches!(read_open(&endless), Err(Error::Limit(_))));
}

#[test]
fn a_loader_says_which_protection_it_expected() {
    let (keyset, key) = (keyset(), RawKey::new(RawKeyId([1; 16]), Key::zeroed()));
    let sealed = Protection::Sealed(&[&key]);
    let text = |file: Protection<'_>, expected: Protection<'_>| {
        let bytes = keyset.to_file_bytes(file).expect("written");
        Keyset::parse_file_bytes(&bytes, expected).err().map(|error| error.to_string())
    };
    assert_eq!(text(Protection::Unprotected, Protection::Unprotected), None);
    assert_eq!(text(sealed, sealed), None);
    let said = text(sealed, Protection::Unprotected).expect("refused");
    assert!(said.contains("if it is sealed, give its passphrase or key"), "{said}");
    for expected in [sealed, Protection::Restore(&[&key])] {
        let said = text(Protection::Unprotected, expected).expect("refused");
        assert!(said.contains("this keyset file is not protected"), "{said}");
    }
}

#[test]
fn what_is_no_file_is_not_written_over_and_said_to_be_none() {
    let (folder, keyset) = (folder(), keyset());
    match keyset.save_over(folder.path(), 1, Protection::Unprotected) {
        Err(Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::IsADirectory),
        other => panic!("{other:?}"),
    }
    let path = folder.path().join("keyset");
    keyset.save_over(&path, 1, Protection::Unprotected).expect("nothing is there");
    let there = Description::load(&path).expect("a keyset file");
    assert_eq!((there.id, there.revision), (keyset.id(), 1));
}
