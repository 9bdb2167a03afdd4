// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes what the C tests start from, with the Rust face: `fixtures make FOLDER`. Opens what they
//! sealed: `fixtures check FOLDER`.

use std::fmt::Write as _;
use std::path::Path;

use sealwax::envelope::ChunkLen;
use sealwax::id::RawKeyId;
use sealwax::keyset::file::Protection;
use sealwax::rng::{OsRandom, Random};
use sealwax::secret::Key;
use sealwax::wrap::raw_key::RawKey;
use sealwax::{Algorithm, Context, Keyset, Opener, Sealer, Suite};

const DEVICE_KEY_ID: [u8; 16] = *b"device-key-00001";
const DEVICE_KEY: [u8; 32] = [0x5a; 32];
const IMAGE_LEN: usize = 10 * 4096 + 100;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", folder] => make(Path::new(folder)),
        ["check", folder, sealed] => check(Path::new(folder), Path::new(sealed)),
        _ => Err("fixtures make FOLDER | fixtures check FOLDER SEALED".into()),
    }
}

fn device_key() -> RawKey {
    let mut key = Key::zeroed();
    *key.expose_bytes_mut() = DEVICE_KEY;
    RawKey::new(RawKeyId(DEVICE_KEY_ID), key)
}

fn purpose(counter: u64) -> Result<Context, Failure> {
    Ok(Context::new()
        .with("purpose", "firmware")?
        .with("device", "board-7")?
        .with("sealwax.counter", counter.to_be_bytes())?)
}

fn plaintext(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31) ^ (at >> 8) as u8 ^ seed).collect()
}

/// An envelope as a file has it: two slots.
fn seal_file(sealer: &Sealer<'_>, plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
    let (mut out, mut sealing) = sealer.begin_with_rng(&mut OsRandom)?;
    let piece_len = sealing.chunk_len().plaintext_len();
    let mut pieces: Vec<&[u8]> = plaintext.chunks(piece_len).collect();
    if plaintext.len().is_multiple_of(piece_len) {
        pieces.push(&[]);
    }
    for piece in pieces {
        let mut piece = piece.to_vec();
        let tag = sealing.seal_chunk(&mut piece)?;
        out.extend_from_slice(&piece);
        out.extend_from_slice(&tag);
    }
    Ok(out)
}

/// The front of an envelope, and two chunks that are both its first: what a sealer can do who means
/// harm. A random source that repeats itself makes the same keys for both.
fn seal_one_turn_twice(keyset: &Keyset) -> Result<(Vec<u8>, [Vec<u8>; 2]), Failure> {
    struct Repeating;
    impl Random for Repeating {
        fn fill(&mut self, out: &mut [u8]) -> sealwax::Result<()> {
            out.fill(0x31);
            Ok(())
        }
    }
    let sealer = Sealer::new().suite(Suite::ChaCha20Poly1305).recipient(keyset);
    let seal = |seed| -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let (front, mut sealing) = sealer.begin_with_rng(&mut Repeating)?;
        let mut chunk = plaintext(4096, seed);
        let tag = sealing.seal_chunk(&mut chunk)?;
        chunk.extend_from_slice(&tag);
        Ok((front, chunk))
    };
    let ((front, one), (again, other)) = (seal(1)?, seal(2)?);
    assert_eq!(front, again, "the same random bytes make the same front");
    Ok((front, [one, other]))
}

fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let mut text =
        String::from("/* Made by bindings/c/examples/fixtures.rs. */\n#include <stdint.h>\n");
    let mut put = |name: &str, bytes: &[u8]| -> Result<(), Failure> {
        write!(text, "static const uint8_t {name}[{}] = {{", bytes.len().max(1))?;
        for (at, byte) in bytes.iter().enumerate() {
            let space = if at % 24 == 0 { "\n" } else { "" };
            write!(text, "{space}{byte},")?;
        }
        text.push_str("\n};\n");
        Ok(std::fs::write(folder.join(name), bytes)?)
    };
    let mut keyset = Keyset::generate("device", Suite::ChaCha20Poly1305)?;
    let context = Context::new().with("device", "board-7")?.with("sensor", "4")?;
    put("token_context", context.as_encoded().as_bytes())?;
    put("old_token", &keyset.seal(b"made by Rust, before", &context)?)?;
    keyset.rotate(Suite::ChaCha20Poly1305)?;
    put("new_token", &keyset.seal(b"made by Rust, after", &context)?)?;
    put("keyset_blob", &keyset.expose_unprotected()?)?;
    let key = device_key();
    put("device_key_id", &DEVICE_KEY_ID)?;
    put("device_key", &DEVICE_KEY)?;
    for (side, byte) in [("device", 0x44), ("server", 0x55)] {
        let mut private = Key::<sealwax::secret::Pair>::zeroed();
        private.expose_bytes_mut().fill(byte);
        let public = sealwax::transit::KeyPair::new(&private).public();
        put(&format!("transit_{side}_private"), private.expose_bytes())?;
        put(&format!("transit_{side}_public"), public.as_bytes())?;
    }
    put("transit_psk", &[0x66; 32])?;
    put("sealed_keyset_blob", &keyset.to_file_bytes(Protection::Sealed(&[&key]))?)?;
    put("keyset_id", &keyset.id().0)?;
    let other = Keyset::generate("other", Suite::ChaCha20Poly1305)?;
    put("other_keyset_blob", &other.expose_unprotected()?)?;
    let identity = Keyset::generate("identity", Algorithm::X25519)?;
    put("identity_blob", &identity.expose_unprotected()?)?;
    put("sealed_identity_blob", &identity.to_file_bytes(Protection::Sealed(&[&key]))?)?;
    let wing = Keyset::generate("wing", Algorithm::XWing)?;
    put("x_wing_blob", &wing.expose_unprotected()?)?;
    put("x_wing_public", wing.recipient()?.public_key().as_bytes())?;

    let image = plaintext(IMAGE_LEN, 0);
    put("image", &image)?;
    put("image_digest", &sha256(&image)?)?;
    let suite_2 = Sealer::new().suite(Suite::ChaCha20Poly1305);
    let sealer = suite_2.clone().recipient(&keyset).stored_context(purpose(7)?);
    put("image_envelope", &seal_file(&sealer, &image)?)?;
    let next = plaintext(IMAGE_LEN, 0x77);
    put("next_image_digest", &sha256(&next)?)?;
    let sealer = suite_2.clone().recipient(&keyset).stored_context(purpose(8)?);
    put("next_image_envelope", &seal_file(&sealer, &next)?)?;
    let even = plaintext(3 * 4096, 0x19);
    put("even_image", &even)?;
    put("even_image_digest", &sha256(&even)?)?;
    put("even_image_envelope", &seal_file(&sealer, &even)?)?;
    let (front, twice) = seal_one_turn_twice(&keyset)?;
    put("twice_envelope", &[front, twice[0].clone()].concat())?;
    put("twice_other_chunk", &twice[1])?;
    let small = sealer.chunk_len(ChunkLen::KIB_1);
    put("small_chunks_envelope", &seal_file(&small, &even)?)?;
    let external = Context::new().with("site", "roof")?;
    let sealer = suite_2
        .clone()
        .chunk_len(ChunkLen::KIB_1)
        .recipient(&key)
        .stored_context(purpose(7)?)
        .external_context(external.clone());
    put("settings_context", external.as_encoded().as_bytes())?;
    let whole = plaintext(3 * 1024, 3);
    put("settings", &whole)?;
    put("settings_envelope", &sealer.seal(&whole)?)?;
    let recipient = identity.recipient()?.clone().hidden();
    let sealer = suite_2.clone().recipient(&recipient);
    put("pair_envelope", &sealer.seal(&whole)?)?;
    let recipient = wing.recipient()?.clone();
    put("x_wing_envelope", &suite_2.recipient(&recipient).seal(&whole)?)?;
    let gcm = Sealer::new().suite(Suite::Cobblestone256).recipient(&key);
    put("suite_1_envelope", &gcm.seal(&whole)?)?;
    let gcm = Keyset::generate("suite 1", Suite::Cobblestone256)?;
    put("suite_1_blob", &gcm.expose_unprotected()?)?;
    std::fs::write(folder.join("fixtures.h"), text)?;
    Ok(())
}

/// Opens what C sealed: lines of `token HEX`, `message HEX`, `device HEX`, `pair HEX`, `wing HEX`.
fn check(folder: &Path, sealed: &Path) -> Result<(), Failure> {
    let read = |name: &str| std::fs::read(folder.join(name));
    let keyset = Keyset::parse_unprotected(&read("keyset_blob")?)?;
    let identity = Keyset::parse_unprotected(&read("identity_blob")?)?;
    let wing = Keyset::parse_unprotected(&read("x_wing_blob")?)?;
    let key = device_key();
    let context = Context::new().with("device", "board-7")?.with("sensor", "4")?;
    let mut opened = 0;
    for line in std::fs::read_to_string(sealed)?.lines() {
        let Some((kind, hex)) = line.split_once(' ') else { continue };
        let bytes = |hex: &str| -> Result<Vec<u8>, Failure> {
            let pairs =
                (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16));
            Ok(pairs.collect::<Result<_, _>>()?)
        };
        let plaintext = match kind {
            "token" => keyset.open(&bytes(hex)?, &context)?.to_vec(),
            "message" => Opener::new().key(&keyset).open(&bytes(hex)?)?.plaintext.to_vec(),
            "device" => Opener::new().key(&key).open(&bytes(hex)?)?.plaintext.to_vec(),
            "pair" => Opener::new().key(&identity).open(&bytes(hex)?)?.plaintext.to_vec(),
            "wing" => Opener::new().key(&wing).open(&bytes(hex)?)?.plaintext.to_vec(),
            _ => continue,
        };
        if !plaintext.starts_with(b"sealed in C") {
            return Err(format!("{kind} opened to something else").into());
        }
        opened += 1;
    }
    println!("fixtures: Rust opened {opened} that C sealed");
    if opened == 0 { Err("nothing was sealed".into()) } else { Ok(()) }
}

/// SHA-256, from the tool that every system has: no crate is asked for it.
fn sha256(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    use std::io::Write as _;
    let mut child = std::process::Command::new("sha256sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no pipe")?.write_all(bytes)?;
    let out = String::from_utf8(child.wait_with_output()?.stdout)?;
    let hex = out.get(..64).ok_or("no digest")?;
    (0..32).map(|at| Ok(u8::from_str_radix(&hex[2 * at..2 * at + 2], 16)?)).collect()
}
