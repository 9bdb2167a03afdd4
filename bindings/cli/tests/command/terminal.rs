// SPDX-License-Identifier: MIT OR Apache-2.0
//! Questions on a terminal: what is asked, and what becomes of the answers.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};

use crate::kit::{BINARY, Room};

/// The command on a terminal of its own.
struct Session {
    terminal: File,
    child: Child,
    shown: Vec<u8>,
}

impl Session {
    /// Starts the command; `None` where there is no `setsid` that gives it a terminal.
    fn start(room: &Room, arguments: &[&str]) -> Option<Self> {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let known = Command::new("setsid").arg("--help").output().ok()?.stdout;
        if !String::from_utf8_lossy(&known).contains("--ctty") {
            eprintln!("skipped: there is no setsid --ctty");
            return None;
        }
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal).expect("granted");
        unlockpt(&terminal).expect("unlocked");
        let name = ptsname(&terminal, Vec::new()).expect("a name");
        let name = OsStr::from_bytes(name.to_bytes());
        let open = || File::options().read(true).write(true).open(name).expect("its other end");
        let mut command = Command::new("setsid");
        command.args(["--wait", "--ctty", BINARY]).args(arguments).current_dir(room.work());
        command.env("SEALWAX_HOME", room.home());
        command.stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().expect("it starts");
        Some(Session { terminal: File::from(terminal), child, shown: Vec::new() })
    }

    /// Waits until something is asked, and types an answer.
    fn answer(&mut self, question: &str, answer: &str) {
        let mut byte = [0];
        while !self.text().contains(question) {
            let read = self.terminal.read(&mut byte).unwrap_or(0);
            assert_ne!(read, 0, "it ended before it asked {question:?}: {}", self.text());
            self.shown.push(byte[0]);
        }
        self.shown.clear();
        // What is typed before the echo is off would be shown: a person is slower than this.
        std::thread::sleep(std::time::Duration::from_millis(100));
        self.terminal.write_all(format!("{answer}\n").as_bytes()).expect("typed");
    }

    /// Waits for the end: the exit code, and what was shown since the last answer.
    fn end(mut self) -> (Option<i32>, String) {
        // A terminal whose other end is closed is an error to read from, on Linux.
        let _ = self.terminal.read_to_end(&mut self.shown);
        (self.child.wait().expect("it ends").code(), self.text())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}

#[test]
fn a_passphrase_is_asked_for_once_and_a_new_one_twice() {
    let room = Room::new();
    let Some(mut new) = Session::start(&room, &["keyset", "new"]) else { return };
    new.answer("Passphrase for the new keyset", "first");
    new.answer("The same again", "first");
    let (code, shown) = new.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("first"), "{shown}");
    let Some(mut passwd) = Session::start(&room, &["keyset", "passwd"]) else { return };
    passwd.answer("Passphrase of keyset default", "first");
    passwd.answer("the new one", "second");
    passwd.answer("The same again", "third");
    let (code, shown) = passwd.end();
    assert_eq!(code, Some(2));
    assert!(shown.contains("the two passphrases differ"), "{shown}");
    let Some(mut rotate) = Session::start(&room, &["keyset", "rotate"]) else { return };
    rotate.answer("Passphrase of keyset default", "first");
    let (code, shown) = rotate.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("is the primary now (revision 2)"), "{shown}");
}

#[test]
fn destroying_wants_the_id_to_be_typed() {
    let room = Room::with_keyset();
    let old = room.primary("default");
    room.ok(["keyset", "rotate"]);
    let arguments = ["keyset", "destroy", "default", &old, "--without-census"];
    let Some(mut refused) = Session::start(&room, &arguments) else { return };
    refused.answer(&format!("Type {old} to destroy it"), "yes");
    let (code, shown) = refused.end();
    assert_eq!(code, Some(1));
    assert!(shown.contains("not done"), "{shown}");
    assert_eq!(room.json(["keyset", "show", "--json"])["revision"], 2);
    let Some(mut done) = Session::start(&room, &arguments) else { return };
    done.answer("lost for good", &old);
    let (code, shown) = done.end();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(room.json(["keyset", "show", "--json"])["revision"], 3);
}

#[test]
fn shares_are_typed_until_there_are_enough() {
    let room = Room::with_keyset();
    let token = room.ok_with(["token", "seal"], b"x");
    room.ok(["keyset", "backup", "--shares", "2/3", "-o", "s"]);
    let share = |number: u8| {
        let text = String::from_utf8(room.read(format!("s/share-{number}-of-3.txt")));
        text.expect("text").lines().last().expect("a share").to_owned()
    };
    let arguments = ["keyset", "restore", "s/backup.swx-backup", "--as", "new", "--unprotected"];
    for (answer, code) in [("no", 1), ("yes", 0)] {
        let Some(mut session) = Session::start(&room, &arguments) else { return };
        session.answer("share 1 of several", &share(1));
        session.answer("share 2 of 2", &share(1));
        session.answer("given already", "SEALWAX-SHARE-1TYPO");
        session.answer("malformed", &share(3));
        session.answer("Is this the keyset that you mean?", answer);
        let (ended, shown) = session.end();
        assert_eq!(ended, Some(code), "{shown}");
        assert_eq!(room.home_file("new.swxk").exists(), code == 0);
    }
    assert_eq!(room.ok_with(["token", "open", "-k", "new"], &token), b"x");
}

#[test]
fn keys_are_not_for_a_terminal() {
    let room = Room::with_keyset();
    let export = ["keyset", "export", "--unprotected", "-o", "-"];
    let Some(session) = Session::start(&room, &export) else { return };
    let (code, shown) = session.end();
    assert_eq!(code, Some(2));
    assert!(shown.contains("keys are not for a terminal"), "{shown}");
}
