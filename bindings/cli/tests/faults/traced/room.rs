// SPDX-License-Identifier: MIT OR Apache-2.0
//! A folder to work in and a home for keysets, prepared once and copied for each run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwax::id::VersionId;
use sealwax::keyset::Usage;
use sealwax::keyset::file::Protection;
use sealwax::store::{Guard, Options, Store};
use sealwax::{Keyset, Opener};
use tempfile::TempDir;

/// A folder to work in, `work`, and a home for keysets, `home`.
pub(crate) struct Room {
    temp: TempDir,
}

/// What is in the files of a room, by their paths in it.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What the versions of the unprotected keysets in the home folder were used for, by the names of
/// the files.
pub(crate) type Counters = BTreeMap<(String, VersionId), Usage>;

/// How a run without faults ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Room {
    pub(crate) fn new() -> Self {
        let room = Room { temp: temporary() };
        fs::create_dir(room.path("work")).expect("a new folder");
        room
    }

    /// A room with the same files.
    pub(crate) fn copy(&self) -> Self {
        let room = Room { temp: temporary() };
        copy_folder(self.temp.path(), room.temp.path());
        room
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, bytes).expect("written");
    }

    /// What was said in this room, as it is said in every room: without its path, and without ids.
    pub(crate) fn plain(&self, text: &str) -> String {
        let text = text.replace(&*self.temp.path().to_string_lossy(), "ROOM");
        let is_id = |word: &str| word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let mut plain = String::new();
        for piece in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            plain.push_str(if is_id(word) { "ID" } else { word });
            plain.push_str(&piece[word.len()..]);
        }
        plain
    }

    /// The version of a keyset that is not the primary, where there is one such.
    pub(crate) fn older_version(&self, name: &str) -> Option<VersionId> {
        if !self.has(&format!("home/{name}.swxk")) {
            return None;
        }
        let keyset = self.keyset(name);
        let primary = keyset.primary().map(|primary| primary.id());
        keyset.versions().iter().map(|version| version.id()).find(|id| Some(*id) != primary)
    }

    /// The bytes of a file; none where there is no such file.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }

    pub(crate) fn files(&self) -> Files {
        let mut files = Files::new();
        list(self.temp.path(), "", &mut files);
        files
    }

    /// The command, ready to run in this room.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealwax"));
        command.args(arguments).current_dir(self.path("work"));
        command.env("SEALWAX_HOME", self.path("home")).env_remove("XDG_DATA_HOME");
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        stdin: &[u8],
    ) -> Run {
        use std::io::Write;
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let mut pipe = child.stdin.take().expect("stdin is a pipe");
        std::thread::scope(|scope| {
            // A command that does not read to the end breaks the pipe, and that is its right.
            scope.spawn(move || pipe.write_all(stdin));
            let output = child.wait_with_output().expect("the command ends");
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            Run { code: output.status.code(), stdout: output.stdout, stderr }
        })
    }

    /// Runs what must succeed, and gives its stdout.
    #[track_caller]
    pub(crate) fn ok<const N: usize>(&self, arguments: [&str; N]) -> Vec<u8> {
        let run = self.run(arguments, b"");
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        run.stdout
    }

    /// An unprotected keyset of the home folder, whole.
    #[track_caller]
    pub(crate) fn keyset(&self, name: &str) -> Keyset {
        let path = self.path(&format!("home/{name}.swxk"));
        Keyset::load(&path, Protection::Unprotected).expect("the keyset file is whole")
    }

    /// What was counted. A keyset file and a usage file that do not fit together do not open.
    pub(crate) fn counters(&self) -> Counters {
        let mut counters = Counters::new();
        let is_open = |(name, bytes): &(String, Vec<u8>)| {
            name.ends_with(".swxk") && bytes.starts_with(b"SWKS")
        };
        for (name, _) in self.files().into_iter().filter(is_open) {
            let store = Store::open(&self.path(&name), Guard::Unprotected, Options::default());
            let store = store.unwrap_or_else(|error| panic!("{name} does not open: {error}"));
            let usage = store.usage().unwrap_or_else(|error| panic!("{name} counts not: {error}"));
            counters.extend(usage.into_iter().map(|(id, usage)| ((name.clone(), id), usage)));
        }
        counters
    }

    /// How many messages a keyset of the home folder sealed, as far as was counted.
    pub(crate) fn messages(&self, name: &str) -> u64 {
        let name = format!("home/{name}.swxk");
        let counters = self.counters().into_iter().filter(|((file, _), _)| *file == name);
        counters.map(|(_, usage)| usage.messages).sum()
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// An envelope that must open with a keyset, to this.
    #[track_caller]
    pub(crate) fn opens(&self, name: &str, keyset: &Keyset, plaintext: &[u8]) {
        let sealed = self.read(name).expect("the file can be read");
        let opened = Opener::new().key(keyset).open(&sealed);
        let opened = opened.unwrap_or_else(|error| panic!("{name} does not open: {error}"));
        assert!(*opened.plaintext == *plaintext, "{name} opens to something else");
    }
}

/// In memory, where the system has such a folder: the faults are injected, so that no disk is
/// needed for them.
fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
    made.expect("a temporary folder")
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            fs::create_dir(&to).expect("a new folder");
            copy_folder(&entry.path(), &to);
            let mode = entry.metadata().expect("metadata").permissions();
            fs::set_permissions(&to, mode).expect("permissions");
        } else {
            fs::copy(entry.path(), &to).expect("copied");
        }
    }
}

fn list(folder: &Path, below: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let below = format!("{below}{}", entry.file_name().to_string_lossy());
        match entry.file_type().expect("a type").is_dir() {
            true => list(&entry.path(), &format!("{below}/"), files),
            false => {
                files.insert(below, fs::read(entry.path()).expect("the file can be read"));
            }
        }
    }
}
