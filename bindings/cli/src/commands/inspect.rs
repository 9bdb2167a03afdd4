// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax inspect`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Entry, Header, PAYLOAD_PREFIX_LEN};
use sealwax::id::{Fingerprint, Kind};
use serde_json::{Map, Value, json};

use super::{Outcome, each};
use crate::console;
use crate::exit::Exit;
use crate::failure::{Failure, Result, escaped};
use crate::flow::Source;
use crate::front;
use crate::header_file::{self, HeaderOption};
use crate::input::{self, Found, Input, Wanted};
use crate::unlock::UNPROTECTED_MAGIC;

/// Options of `sealwax inspect`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// Files, or - for stdin.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    header: HeaderOption,
    /// One JSON object per file, on one line each.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Inspects all.
    pub(crate) fn run(self) -> Result<Outcome> {
        let found = input::find(&self.files, false, Wanted::Sealed);
        if self.header.path().is_some() && found.len() != 1 {
            return Err(Failure::usage("--header goes with one file"));
        }
        Ok(each(found, |Found { input, .. }| {
            let name = input.name();
            self.inspect(&input).map_err(|failure| failure.about(name))
        }))
    }

    fn inspect(&self, input: &Input) -> Result<()> {
        let mut source = Source::open(input)?;
        let front = match self.header.path() {
            Some(header) => header_file::read(header)?,
            None => front::read_header(&mut source.file)?,
        };
        if front.starts_with(UNPROTECTED_MAGIC) {
            return Err(Failure::new(Exit::Malformed, "this is an unprotected keyset file")
                .hint("`sealwax keyset show FILE` describes it"));
        }
        let header = Header::parse(&front, DEFAULT_MAX_HEADER_LEN)?;
        let plaintext_len = match source.len() {
            Some(payload) if self.header.path().is_some() => {
                Plaintext::of(payload.saturating_add(header.len() as u64), &header)
            }
            Some(total) if total == header.len() as u64 => Plaintext::Elsewhere,
            Some(total) => Plaintext::of(total, &header),
            None => Plaintext::Unknown,
        };
        let text = match self.json {
            true => format!("{}\n", to_json(&input.name(), &header, plaintext_len)),
            false => to_text(&input.name(), &header, plaintext_len),
        };
        console::print(&text)
    }
}

/// What the length of the file says about the plaintext (format.md 5A.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plaintext {
    /// It has this many bytes, if nothing was changed.
    Len(u64),
    /// The end is missing.
    Truncated,
    /// The file ends with its header: the payload is in another file, or was cut off.
    Elsewhere,
    /// It comes from a pipe.
    Unknown,
}

impl Plaintext {
    fn of(total: u64, header: &Header<'_>) -> Self {
        let sealed_len = header.chunk_len().sealed_len() as u64;
        let tag_len = sealed_len - header.chunk_len().plaintext_len() as u64;
        let prefix_len = (header.len() + PAYLOAD_PREFIX_LEN) as u64;
        let Some(chunks) = total.checked_sub(prefix_len) else { return Plaintext::Truncated };
        match (chunks % sealed_len).checked_sub(tag_len) {
            Some(last) => Plaintext::Len(chunks / sealed_len * (sealed_len - tag_len) + last),
            None => Plaintext::Truncated,
        }
    }
}

fn to_json(name: &str, header: &Header<'_>, plaintext: Plaintext) -> Value {
    let (slots, slot_len, slot) = header.slots();
    let mut context = Map::new();
    for entry in header.stored_context().entries() {
        let value = match std::str::from_utf8(entry.value) {
            Ok(text) => text.into(),
            Err(_) => json!({"hex": hex(entry.value)}),
        };
        context.insert(entry.name.to_owned(), value);
    }
    let plaintext_len = match plaintext {
        Plaintext::Len(len) => Some(len),
        _ => None,
    };
    json!({
        "file": name,
        "authenticated": false,
        "kind": kind(header),
        "suite": header.suite().name(),
        "envelope_id": header.envelope_id().to_string(),
        "chunk_len": header.chunk_len().plaintext_len(),
        "header_len": header.len(),
        "plaintext_len": plaintext_len,
        "truncated": plaintext == Plaintext::Truncated,
        "header_only": plaintext == Plaintext::Elsewhere,
        "epoch": header.epoch(),
        "slots": slots,
        "slot_len": slot_len,
        "slot": slot,
        "stored_context": context,
        "recipients": header.entries().map(|entry| recipient_json(&entry)).collect::<Vec<_>>(),
    })
}

fn recipient_json(entry: &Entry<'_>) -> Value {
    let kind = entry.kind();
    let mut value = json!({"kind": kind.name(), "type": kind.number()});
    let more = match entry {
        Entry::Keyset { keyset, version, .. } => {
            json!({"keyset": keyset.to_string(), "version": version.to_string()})
        }
        Entry::Passphrase { m_kib, t, p, .. } => json!({"m_kib": m_kib, "t": t, "p": p}),
        Entry::X25519 { fingerprint, .. } | Entry::XWing { fingerprint, .. } => {
            let hidden = *fingerprint == Fingerprint::HIDDEN;
            let fingerprint = (!hidden).then(|| fingerprint.to_string());
            json!({"fingerprint": fingerprint, "hidden": hidden})
        }
        Entry::RawKey { id, .. } => json!({"key": id.to_string()}),
        Entry::Provider { provider, key_name, .. } => {
            json!({"provider": provider, "key_name": key_name})
        }
        _ => json!({}),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

fn to_text(name: &str, header: &Header<'_>, plaintext: Plaintext) -> String {
    let (slots, slot_len, slot) = header.slots();
    let plaintext = match plaintext {
        Plaintext::Len(len) => format!("{len} bytes"),
        Plaintext::Truncated => "the end is missing".into(),
        Plaintext::Elsewhere => "elsewhere, if this is a detached header; else missing".into(),
        Plaintext::Unknown => "unknown (not a regular file)".into(),
    };
    let mut lines = vec![
        ("file", name.to_owned()),
        ("kind", kind(header).to_owned()),
        ("suite", header.suite().name().to_owned()),
        ("envelope", header.envelope_id().to_string()),
        ("plaintext", plaintext),
        ("chunks", format!("{} bytes each", header.chunk_len().plaintext_len())),
        (
            "header",
            format!("{} bytes, slot {slot} of {slots}, {slot_len} bytes each", header.len()),
        ),
        ("epoch", header.epoch().to_string()),
    ];
    for entry in header.stored_context().entries() {
        lines.push(("context", format!("{}={}", escaped(entry.name), value_text(entry.value))));
    }
    lines.extend(header.entries().map(|entry| ("recipient", recipient_text(&entry))));
    let mut text = String::new();
    for (label, value) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:<10} {value}");
    }
    text.push_str(
        "Nothing of this is authenticated: `sealwax verify` needs a key, and checks it.\n",
    );
    text
}

fn recipient_text(entry: &Entry<'_>) -> String {
    match entry {
        Entry::Keyset { keyset, version, .. } => format!("keyset {keyset}, version {version}"),
        Entry::Passphrase { m_kib, t, p, .. } => {
            format!("passphrase, Argon2id with {m_kib} KiB, {t} passes, {p} lanes")
        }
        Entry::X25519 { fingerprint, .. } | Entry::XWing { fingerprint, .. } => {
            match *fingerprint == Fingerprint::HIDDEN {
                true => format!("{}, hidden", entry.kind().name()),
                false => format!("{} {fingerprint}", entry.kind().name()),
            }
        }
        Entry::RawKey { id, .. } => format!("raw key {id}"),
        Entry::Provider { provider, key_name, .. } => {
            format!("provider {}, key {}", escaped(provider), escaped(key_name))
        }
        other => format!("of type {}, which this version does not know", other.kind().number()),
    }
}

fn kind(header: &Header<'_>) -> &'static str {
    match header.kind() {
        Kind::Data => "data",
        Kind::Keyset => "keyset",
    }
}

fn value_text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => escaped(text),
        Err(_) => format!("0x{}", hex(value)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const EXAMPLES: &str = "\
Examples:
  sealwax inspect report.pdf.swx
  sealwax inspect --json *.swx | jq -r '.recipients[].keyset'
  sealwax inspect --header dump.header.swx dump.payload
  curl -s https://example.org/dump.swx | sealwax inspect -

Needs no key. Nothing of what it shows is authenticated: anybody may have written it.";
