// SPDX-License-Identifier: MIT OR Apache-2.0
//! A room of its own for each test: a folder to work in, and a home for keysets.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A folder to work in, and a home folder beside it.
pub(crate) struct Room {
    temp: TempDir,
}

/// How a run of the command ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// An unprotected keyset, made byte for byte (format.md 8.1 and 8.4).
pub(crate) struct Made {
    /// So many versions, with ids from 1 on; the last one is the primary.
    pub(crate) versions: u32,
    /// When they were made.
    pub(crate) created: u64,
    /// A tag that no version knows yet.
    pub(crate) tag: Option<u8>,
}

impl Default for Made {
    fn default() -> Self {
        Made { versions: 1, created: 1_700_000_000, tag: None }
    }
}

impl Made {
    fn bytes(&self, name: &str) -> Vec<u8> {
        let mut keyset = vec![1];
        keyset.extend([7; 16]);
        keyset.push(u8::try_from(name.len()).expect("a short name"));
        keyset.extend(name.as_bytes());
        keyset.extend(1_u64.to_be_bytes());
        keyset.extend([0; 32]);
        keyset.extend(self.versions.to_be_bytes());
        // Never rotates by itself; both suites; no raw export.
        keyset.extend([0; 24]);
        keyset.extend([0b0011, 0]);
        keyset.extend(self.versions.to_be_bytes());
        for id in 1..=self.versions {
            keyset.extend(65_u16.to_be_bytes());
            keyset.extend(id.to_be_bytes());
            keyset.extend([1, 2]);
            keyset.extend(self.created.to_be_bytes());
            keyset.extend([0; 16]);
            keyset.extend([0, 0, 32]);
            keyset.extend(noise(32));
        }
        keyset.extend([1, 0, 32]);
        keyset.extend([9; 32]);
        if let Some(tag) = self.tag {
            keyset.extend([tag, 0, 1, 0]);
        }
        let check = Sha256::new()
            .chain_update(b"sealwax/v1/unprotected\0")
            .chain_update(&keyset)
            .finalize();
        [b"SWKS\x01", keyset.as_slice(), &check[..16]].concat()
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(temp.path().join("work")).expect("a new folder");
        Room { temp }
    }

    /// A room whose home has an unprotected keyset `default`.
    pub(crate) fn with_keyset() -> Self {
        let room = Room::new();
        room.ok(["keyset", "new", "--unprotected"]);
        room
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.temp.path().join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.work().join(name)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, bytes).expect("written");
    }

    /// Writes a secret file, which only its owner can read.
    pub(crate) fn write_secret(&self, name: &str, bytes: impl AsRef<[u8]>) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, bytes);
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path(name), mode).expect("permissions");
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// All names below the work folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        list(&self.work(), Path::new(""), &mut names);
        names.sort();
        names
    }

    /// The command, ready to run in this room.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments);
        self.settle(command)
    }

    /// A shell with `$SEALWAX` in its environment, ready to run in this room.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("SEALWAX", BINARY);
        self.settle(command)
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        Run::of(self.command(arguments))
    }

    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        stdin: &[u8],
    ) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        std::thread::scope(|scope| {
            // A command that does not read to the end breaks the pipe, and that is its right.
            scope.spawn(move || pipe.write_all(stdin));
            Run::from(child.wait_with_output().expect("the command ends"))
        })
    }

    /// Runs what must succeed, and gives its stdout.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Vec<u8> {
        self.run(arguments).ok()
    }

    /// Runs what must succeed, and gives its stdout.
    pub(crate) fn ok_with<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        stdin: &[u8],
    ) -> Vec<u8> {
        self.run_with(arguments, stdin).ok()
    }

    /// Puts a keyset that was made byte for byte into the home folder.
    pub(crate) fn keyset_file(&self, name: &str, made: &Made) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(self.home()).expect("a folder");
        let path = self.home().join(format!("{name}.swxk"));
        std::fs::write(&path, made.bytes(name)).expect("written");
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("permissions");
    }

    /// Runs what must succeed, and reads the JSON that it prints.
    #[track_caller]
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        serde_json::from_slice(&self.ok(arguments)).expect("JSON")
    }

    /// Runs what must succeed, and gives its stdout as text.
    #[track_caller]
    pub(crate) fn text<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        String::from_utf8(self.ok(arguments)).expect("text")
    }

    /// A file in the home folder.
    pub(crate) fn home_file(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// The id of the primary version of a keyset.
    pub(crate) fn primary(&self, keyset: &str) -> String {
        let value = self.json(["keyset", "show", keyset, "--json"]);
        value["primary"].as_str().expect("a primary").to_owned()
    }

    fn settle(&self, mut command: Command) -> Command {
        command.current_dir(self.work()).env("SEALWAX_HOME", self.home());
        command.env_remove("XDG_DATA_HOME").stdin(Stdio::null());
        command
    }
}

impl Run {
    pub(crate) fn of(mut command: Command) -> Self {
        Run::from(command.output().expect("the command starts"))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Vec<u8> {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Fails with this code, and says each of these.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for part in said {
            assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Run { code: output.status.code(), stdout: output.stdout, stderr }
    }
}

/// Sends a signal to a process.
pub(crate) fn kill(signal: &str, process: u32) {
    let status = Command::new("kill").args([format!("-{signal}"), process.to_string()]).status();
    assert!(status.expect("kill").success());
}

/// One JSON value.
#[track_caller]
pub(crate) fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// One JSON value per line.
#[track_caller]
pub(crate) fn lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(json).collect()
}

/// Bytes that do not repeat with any chunk.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn list(folder: &Path, below: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let below = below.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => list(&entry.path(), &below, names),
            false => names.push(below.to_string_lossy().into_owned()),
        }
    }
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_sealwax");
/// A chunk of the default suite, in bytes of plaintext.
pub(crate) const CHUNK: usize = 16_384;
