// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key life: rewrap of headers in memory and of files, and what is seen without a key.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use sealwax::census::Surveyor;
use sealwax::envelope::{DEFAULT_MAX_HEADER_LEN, Header};
use sealwax::stream::{Durability, Folders, HeaderReader, Job, RewrapJob};
use sealwax::{Keyset, Rewrapper, Sealer, Suite};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    headers(&mut criterion);
    folders(&mut criterion);
    criterion.final_summary();
}

fn headers(criterion: &mut Criterion) {
    for (suite, suffix) in
        [(Suite::Cobblestone256, ""), (Suite::ChaCha20Poly1305, " chacha20-poly1305")]
    {
        let mut keyset = Keyset::generate("bench", suite).expect("a keyset");
        let envelope = Sealer::new().recipient(&keyset).seal(b"").expect("an envelope");
        keyset.rotate(suite).expect("rotated");
        let rewrapper = Rewrapper::new().keyset(&keyset);
        criterion.bench_function(&format!("rewrap/header, keyset to keyset{suffix}"), |bencher| {
            bencher.iter(|| rewrapper.rewrap_header(black_box(&envelope)));
        });
        criterion.bench_function(&format!("rewrap/is it current{suffix}"), |bencher| {
            bencher.iter(|| {
                let header = Header::parse(black_box(&envelope), DEFAULT_MAX_HEADER_LEN);
                rewrapper.is_current(&header.expect("a header"))
            });
        });
    }
}

/// 10,000 small sealed files in memory, one thread.
fn folders(criterion: &mut Criterion) {
    const FILES: u64 = 10_000;
    let shm = Path::new("/dev/shm");
    let folder = match shm.is_dir() {
        true => tempfile::tempdir_in(shm),
        false => tempfile::tempdir(),
    };
    let folder = folder.expect("a folder");
    let mut keyset = Keyset::generate("bench", Suite::Cobblestone256).expect("a keyset");
    let plain = folder.path().join("plain");
    std::fs::write(&plain, [7; 1024]).expect("written");
    let sealer = Sealer::new().recipient(&keyset);
    for number in 0..FILES {
        let target = folder.path().join(format!("{number}.swx"));
        sealer.seal_path(&plain, &target, &Job::default()).expect("sealed");
    }
    let files = Folders::new([folder.path()]).threads(1);
    let mut group = criterion.benchmark_group("folder of 10,000 files of 1 KiB, one thread");
    group.sample_size(10).throughput(Throughput::Elements(FILES));
    group.bench_function("census, advisory", |bencher| {
        let surveyor = Surveyor::new().keyset(&keyset);
        bencher.iter(|| survey(&files, &surveyor));
    });
    group.bench_function("census, verified", |bencher| {
        let surveyor = Surveyor::new().keyset(&keyset).verified();
        bencher.iter(|| survey(&files, &surveyor));
    });
    for (name, durability) in [("not synced", Durability::Unsynced), ("synced", Durability::Synced)]
    {
        group.bench_function(format!("rewrap in place, {name}"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut taken = Duration::ZERO;
                for _ in 0..rounds {
                    keyset.rotate(Suite::Cobblestone256).expect("rotated");
                    let rewrapper = Rewrapper::new().keyset(&keyset);
                    let job = RewrapJob { durability, ..RewrapJob::default() };
                    let begin = std::time::Instant::now();
                    files.each(None, HeaderReader::new, |reader, found| {
                        let path = found.expect("readable");
                        rewrapper.rewrap_path_with(&path, &job, reader).expect("rewrapped");
                    });
                    taken += begin.elapsed();
                }
                taken
            });
        });
    }
    group.finish();
}

fn survey(files: &Folders, surveyor: &Surveyor<'_>) -> u64 {
    let start = || (surveyor.census(), HeaderReader::new());
    let all = files.each(None, start, |(census, reader), found| {
        surveyor.survey_path(&found.expect("readable"), reader, census).expect("sealed");
    });
    all.iter().map(|(census, _)| census.envelopes()).sum()
}
