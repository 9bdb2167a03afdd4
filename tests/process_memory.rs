// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the outside: what a debugger and a core dump find of a service's keys while it holds them, and after it dropped them.
//!
//! A program of its own, because the service is: it starts itself again, and looks into that process. So that it is seen to
//! find what is there, the service also holds a copy in plain memory, at first.
#![cfg(all(feature = "std", unix))]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sealwax::{Algorithm, Context, Keyset, Opener, Sealer, Suite};
use zeroize::Zeroize;

const MASK: u8 = 0x5a;
const SERVICE: &str = "SEALWAX_TEST_SERVICE";

/// The secret under a mask: neither process has it in its program.
fn masked() -> [u8; 32] {
    std::array::from_fn(|at| (at as u8).wrapping_mul(41) ^ 0xd3)
}

#[inline(never)]
fn unmask(out: &mut [u8; 32]) {
    out.iter_mut().zip(masked()).for_each(|(to, byte)| *to = byte ^ MASK);
}

/// What the service does: one step for each line that it reads.
fn service(algorithm: Algorithm) {
    let mut lines = std::io::stdin().lines();
    let mut step = |name: &str| {
        println!("{name}");
        std::io::stdout().flush().expect("said");
        lines.next().expect("a line").expect("a line");
    };
    // Wiped where they are: moving them, even into `drop`, would leave them on the stack.
    let (mut secret, mut planted) = ([0; 32], vec![0; 32]);
    unmask(&mut secret);
    planted.copy_from_slice(&secret);
    let keyset = Keyset::import_raw("orders", algorithm, &secret).expect("imported");
    secret.zeroize();
    if !keyset.is_identity() {
        let token = keyset.seal(b"value", &Context::new()).expect("sealed");
        keyset.open(&token, &Context::new()).expect("opened");
    }
    let envelope = Sealer::new().recipient(&keyset).seal(b"message").expect("sealed");
    Opener::new().key(&keyset).open(&envelope).expect("opened");
    step("planted");
    planted.zeroize();
    step("held");
    drop(keyset);
    step("dropped");
}

/// How often the secret is in these bytes.
fn times(bytes: &[u8]) -> usize {
    let masked = masked();
    bytes.windows(32).filter(|window| window.iter().zip(masked).all(|(a, b)| a ^ b == MASK)).count()
}

/// How often the secret is in what a debugger can read of the process.
fn times_in_memory(process: u32) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("it runs");
    let memory = File::open(format!("/proc/{process}/mem")).expect("it is our child");
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().and_then(|r| r.split_once('-')).expect("a range");
        let parse = |text| u64::from_str_radix(text, 16).expect("a number");
        let (from, to) = (parse(from), parse(to));
        let mut bytes = vec![0; usize::try_from(to - from).expect("it is mapped")];
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            found += times(&bytes);
        }
    }
    found
}

/// How often the secret is in a core dump of the process; `None` where there is no `gcore`, or it may not look.
fn times_in_core(process: u32, folder: &Path) -> Option<usize> {
    let target = folder.join("core");
    let mut gcore = Command::new("gcore");
    gcore.arg("-o").arg(&target).arg(process.to_string()).stdin(Stdio::null());
    let run = gcore.output().ok()?;
    let dump = folder.join(format!("core.{process}"));
    if !dump.exists() && String::from_utf8_lossy(&run.stderr).contains("not permitted") {
        return None;
    }
    let found = times(&std::fs::read(&dump).expect("it was written"));
    std::fs::remove_file(dump).expect("it was there");
    Some(found)
}

fn start(algorithm: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .env(SERVICE, algorithm)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn main() {
    match std::env::var(SERVICE).as_deref() {
        Ok("symmetric") => return service(Suite::Cobblestone256.into()),
        Ok("X25519") => return service(Algorithm::X25519),
        Ok(_) => return service(Algorithm::XWing),
        Err(_) if !cfg!(target_os = "linux") => return println!("not on Linux: nothing looked at"),
        Err(_) => {}
    }
    let folder = tempfile::tempdir().expect("a folder");
    for algorithm in ["symmetric", "X25519", "X-Wing"] {
        let mut child = start(algorithm);
        let mut input = child.stdin.take().expect("a pipe");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        for step in ["planted", "held", "dropped"] {
            assert_eq!(said.next().expect("a line").expect("a line"), step);
            let memory = times_in_memory(child.id());
            let core = times_in_core(child.id(), folder.path());
            println!("{algorithm:10} {step:8} memory {memory}, core dump {core:?}");
            let is_secret = sealwax::memory_protection().secret_memory.is_on();
            match step {
                "planted" => assert!(memory > 0 && core.is_none_or(|core| core > 0)),
                "held" => assert_eq!((memory == 0, core.unwrap_or(0)), (is_secret, 0)),
                _ => assert_eq!((memory, core.unwrap_or(0)), (0, 0)),
            }
            writeln!(input, "go on").expect("it listens");
        }
        assert!(child.wait().expect("it ends").success());
    }
}
