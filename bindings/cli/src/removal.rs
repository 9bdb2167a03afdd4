// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which recipients are meant: WHO in `--remove WHO` and `--only WHO`.

use sealwax::envelope::Removal;
use sealwax::id::{Fingerprint, KeysetId, RecipientKind, VersionId};
use sealwax::keyset::file::Description;

use crate::failure::{Failure, Result, escaped};
use crate::home::Home;

/// All passphrases.
pub(crate) const PASSPHRASE: Removal = Removal::Kind(RecipientKind::Passphrase);

/// What these arguments mean. Names are those of keysets in the home folder.
pub(crate) fn parse_all(option: &str, arguments: &[String], home: &Home) -> Result<Vec<Removal>> {
    let parse = |text: &String| {
        let failure = |failure: Failure| failure.about(format!("{option} {}", escaped(text)));
        parse(text, home).map_err(failure)
    };
    arguments.iter().map(parse).collect()
}

fn parse(text: &str, home: &Home) -> Result<Removal> {
    if let Some(kind) = KINDS.into_iter().find(|kind| kind.name() == text) {
        return Ok(Removal::Kind(kind));
    }
    if text == "hidden" {
        return Ok(Removal::Pair(Fingerprint::HIDDEN));
    }
    if let Some(number) = text.strip_prefix("type:") {
        let number = number.parse().ok().filter(|number| *number != 0);
        let number = number.ok_or_else(|| Failure::usage("a type is a number from 1 to 255"))?;
        let known = KINDS.into_iter().find(|kind| kind.number() == number);
        return Ok(Removal::Kind(known.unwrap_or(RecipientKind::Unknown(number))));
    }
    if let Some(fingerprint) = hex(text) {
        return Ok(Removal::Pair(Fingerprint(fingerprint)));
    }
    let Some((keyset, version)) = text.rsplit_once(':') else {
        return Ok(Removal::Keyset(keyset_id(text, home)?));
    };
    let wrong = || Failure::usage("a version is 8 hexadecimal digits");
    let version = hex(version).map(u32::from_be_bytes).and_then(VersionId::new);
    Ok(Removal::Version(keyset_id(keyset, home)?, version.ok_or_else(wrong)?))
}

fn keyset_id(text: &str, home: &Home) -> Result<KeysetId> {
    if let Some(id) = hex(text) {
        return Ok(KeysetId(id));
    }
    let path = home.resolve(text.as_ref())?;
    let description = Description::load(&path).map_err(|error| {
        Failure::from(error).hint("give a keyset's name or id, ID:VERSION, a fingerprint or a kind")
    })?;
    Ok(description.id)
}

/// Exactly so many bytes in lower-case hexadecimal digits, as ids are shown.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut out = [0; N];
    for (byte, at) in out.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(out)
}

const KINDS: [RecipientKind; 6] = [
    RecipientKind::Keyset,
    RecipientKind::Passphrase,
    RecipientKind::X25519,
    RecipientKind::XWing,
    RecipientKind::RawKey,
    RecipientKind::Provider,
];
