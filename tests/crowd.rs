// SPDX-License-Identifier: MIT OR Apache-2.0
//! Eight processes hammer one keyset file: seal, rotate, suspend, resume, lease, and are killed. No change is lost, no
//! version id is given twice, no counter is too low. Ten seconds, or as many as SEALWAX_CROWD_SECONDS says.
//!
//! It is a program of its own because its workers are: it starts itself again for each of them.

#[cfg(all(feature = "std", unix))]
#[path = "kit/random.rs"]
#[allow(dead_code)]
mod random;

#[cfg(all(feature = "std", unix))]
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(crowd::WORK) => crowd::work(),
        _ => crowd::watch(),
    }
}

#[cfg(not(all(feature = "std", unix)))]
fn main() {
    println!("skipped: needs std and Unix");
}

#[cfg(all(feature = "std", unix))]
mod crowd {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command};
    use std::time::{Duration, Instant};

    use sealwax::keyset::file::Description;
    use sealwax::rng::Now;
    use sealwax::store::{Guard, Options, Store};
    use sealwax::{Context, Keyset, Suite};

    use super::random::Repeatable;

    pub(super) const WORK: &str = "--work";
    const SUITE: Suite = Suite::ChaCha20Poly1305;
    const WORKERS: u64 = 8;
    const LEASE: u64 = 32;

    fn options() -> Options {
        Options { lease_messages: LEASE, lease_bytes: 1 << 20, ..Options::default() }
    }

    fn seconds() -> u64 {
        let given = std::env::var("SEALWAX_CROWD_SECONDS").ok();
        given.and_then(|text| text.parse().ok()).unwrap_or(10)
    }

    /// One worker: `--work FOLDER SEED`. What it did goes into its log, a line at a time, after it was done.
    pub(super) fn work() {
        let arguments: Vec<String> = std::env::args().collect();
        let folder = PathBuf::from(&arguments[2]);
        let mut random = Repeatable(arguments[3].parse().expect("a seed"));
        let log = folder.join(format!("log-{}", arguments[3]));
        let mut log = OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let mut say = |line: String| log.write_all(line.as_bytes()).expect("written");
        let open = || {
            Store::open(&folder.join("crowd.swxk"), Guard::Unprotected, options()).expect("opened")
        };
        let mut store = open();
        let end = Instant::now() + Duration::from_secs(seconds());
        let mut last_revision = 0;
        while Instant::now() < end {
            let now = Now::Seconds(random.next() % 3);
            match random.below(100) {
                0..10 => {
                    let id = store.change(|keyset| keyset.rotate(SUITE)).expect("rotated");
                    say(format!("rotated {id}\n"));
                }
                10..20 => {
                    // Suspends or resumes a version that is not the primary, if there is one.
                    let at = random.next() as usize;
                    let changed = store.change(|keyset| {
                        let primary = keyset.primary().map(|version| version.id());
                        let versions = keyset.versions();
                        let version = &versions[at % versions.len()];
                        let (id, state) = (version.id(), version.state());
                        if Some(id) == primary || version.changes().len() > 100 {
                            return Ok(false);
                        }
                        match state {
                            sealwax::id::KeyState::Active => keyset.suspend(id, "crowd", now)?,
                            _ => keyset.resume(id, "crowd", now)?,
                        }
                        Ok(true)
                    });
                    if changed.expect("changed") {
                        say("changed\n".into());
                    }
                }
                20..23 => store.release().expect("given back"),
                23..25 => {
                    drop(store);
                    store = open();
                }
                _ => {
                    let revision = store.keyset().revision();
                    assert!(revision >= last_revision, "a revision went back");
                    last_revision = revision;
                    for _ in 0..random.below(20) {
                        let token = store.seal(b"crowd", &Context::new()).expect("sealed");
                        let (_, version) = sealwax::token::key_version(&token).expect("a token");
                        say(format!("sealed {version}\n"));
                    }
                }
            }
        }
        drop(store);
        say("finished\n".into());
    }

    fn start(folder: &Path, seed: u64) -> Child {
        let own = std::env::current_exe().expect("this program");
        let arguments = [WORK.to_owned(), folder.display().to_string(), seed.to_string()];
        Command::new(own).args(arguments).spawn().expect("started")
    }

    /// Starts the workers, kills some, looks at the counters meanwhile, and compares what is there with what they said.
    pub(super) fn watch() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("crowd.swxk");
        let keyset = Keyset::generate("crowd", SUITE).expect("generated");
        let first = keyset.primary().expect("a primary").id();
        drop(Store::create(&path, keyset, Guard::Unprotected, options()).expect("created"));
        let mut workers: Vec<Child> = (0..WORKERS).map(|seed| start(folder.path(), seed)).collect();
        let mut killed = 0;
        let mut seed = WORKERS;
        let end = Instant::now() + Duration::from_secs(seconds());
        let (mut serial, mut revision) = (0, 0);
        while Instant::now() + Duration::from_millis(500) < end {
            std::thread::sleep(Duration::from_millis(250));
            let mut victim = workers.remove(0);
            victim.kill().expect("killed");
            victim.wait().expect("ended");
            killed += 1;
            workers.push(start(folder.path(), seed));
            seed += 1;
            let seen = Description::load(&path).expect("readable at any moment").revision;
            assert!(seen >= revision, "the revision went back");
            revision = seen;
            if let Ok(usage) = std::fs::read(path.with_extension("swxl")) {
                let seen = u64::from_be_bytes(usage[21..29].try_into().expect("8 bytes"));
                assert!(seen >= serial, "the serial went back");
                serial = seen;
            }
        }
        for mut worker in workers {
            assert!(worker.wait().expect("ended").success(), "a worker failed");
        }
        compare(folder.path(), &path, first, killed);
    }

    fn compare(folder: &Path, path: &Path, first: sealwax::id::VersionId, killed: u64) {
        let (mut rotated, mut changes) = (BTreeSet::from([first.to_string()]), 0);
        let mut sealed: BTreeMap<String, u64> = BTreeMap::new();
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let file = entry.expect("an entry").path();
            if !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log-")) {
                continue;
            }
            for line in std::fs::read_to_string(file).expect("text").lines() {
                match line.split_once(' ') {
                    Some(("rotated", id)) => {
                        assert!(rotated.insert(id.into()), "version id {id} was given twice");
                    }
                    Some(("sealed", id)) => *sealed.entry(id.into()).or_default() += 1,
                    _ if line == "changed" => changes += 1,
                    _ => assert_eq!(line, "finished"),
                }
            }
        }
        let store = Store::open(path, Guard::Unprotected, options()).expect("opened");
        let keyset = store.keyset();
        let ids: BTreeSet<_> = keyset.versions().iter().map(|v| v.id().to_string()).collect();
        // A killed worker may have changed something and not said so; nothing that was said is lost.
        assert!(rotated.is_subset(&ids), "a rotation was lost");
        let said = rotated.len() as u64 + changes;
        let revision = keyset.revision();
        assert!((said..=said + killed).contains(&revision), "{said} said, revision {revision}");
        assert!(ids.len() as u64 <= rotated.len() as u64 + killed);
        let usage = store.usage().expect("read");
        let (mut messages, mut counted) = (0, 0);
        for (id, sealed) in &sealed {
            let of = usage.iter().find(|(version, _)| version.to_string() == *id);
            let of = of.map_or(0, |(_, usage)| usage.messages);
            assert!(of >= *sealed, "{id}: {of} counted, {sealed} sealed");
            messages += sealed;
            counted += of;
        }
        // Each killed worker takes at most a lease for each version that it sealed under with it; the sum stays sane.
        let leases = killed * LEASE * ids.len() as u64;
        assert!(counted <= messages + killed + leases, "{counted} counted, {messages} sealed");
        println!(
            "test eight_processes_lose_no_change_and_count_every_message ... ok\n\
             {said} changes, {} versions, {messages} messages sealed, {counted} counted, {killed} workers killed\n\
             \ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
            ids.len(),
        );
    }
}
