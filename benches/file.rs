// SPDX-License-Identifier: MIT OR Apache-2.0
//! From path to path in memory (`/dev/shm`), 256 MiB, beside a plain copy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use sealwax::stream::Job;
use sealwax::{Keyset, Opener, Sealer, Suite};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let measured = std::env::args().any(|argument| argument == "--bench");
    // Without `--bench` criterion runs everything once, to see that it works.
    let (size, len) = if measured { ("256 MiB", 256 << 20) } else { ("1 MiB", 1 << 20) };
    let folder = Folder::new();
    let plain = folder.path.join("plain");
    fs::write(&plain, vec![7; len]).expect("room in memory");
    let mut group = criterion.benchmark_group("file");
    group.throughput(Throughput::Bytes(len as u64));

    let target = folder.path.join("target");
    let fresh = || drop(fs::remove_file(&target));
    group.bench_function(format!("copy {size}"), |bencher| {
        let copy = |()| fs::copy(&plain, &target).expect("room in memory");
        bencher.iter_batched(fresh, copy, BatchSize::PerIteration);
    });
    for suite in [Suite::Cobblestone256, Suite::ChaCha20Poly1305] {
        let keyset = Keyset::generate("bench", suite).expect("a keyset");
        let (sealer, opener) = (Sealer::new().recipient(&keyset), Opener::new().key(&keyset));
        let sealed = folder.path.join(suite.name());
        sealer.seal_path(&plain, &sealed, &Job::default()).expect("room in memory");
        for (threads, suffix) in [(1, "1 thread"), (2, "2 threads")] {
            let job = Job { threads, ..Job::default() };
            let name = format!("{size} {} {suffix}", suite.name());
            group.bench_function(format!("seal_path {name}"), |bencher| {
                let seal = |()| sealer.seal_path(&plain, &target, &job).expect("room in memory");
                bencher.iter_batched(fresh, seal, BatchSize::PerIteration);
            });
            group.bench_function(format!("open_path {name}"), |bencher| {
                let open = |()| opener.open_path(&sealed, &target, &job).expect("sealed here");
                bencher.iter_batched(fresh, open, BatchSize::PerIteration);
            });
        }
        fs::remove_file(&sealed).expect("sealed here");
    }
    group.finish();
    criterion.final_summary();
}

/// A folder that goes away with this process, also when it is interrupted or killed.
struct Folder {
    path: PathBuf,
    watcher: Option<Child>,
}

impl Folder {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("sealwax-bench-").tempdir_in(parent);
        let path = folder.expect("a temporary folder").keep();
        // Its input ends when this process does, however that comes about.
        let watcher = Command::new("sh")
            .args(["-c", "trap '' INT TERM HUP; read line; rm -rf -- \"$1\"", "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn();
        Folder { path, watcher: watcher.ok() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            drop(watcher.wait());
        }
        drop(fs::remove_dir_all(&self.path));
    }
}
