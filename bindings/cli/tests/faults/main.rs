// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever goes wrong at whatever call that changes what is stored, nothing is lost: the process
//! killed before the call or after it, the disk full, broken, interrupted, or writing less than it
//! was asked to.
//!
//! The command runs under ptrace, whose registers differ from processor to processor: this is for
//! x86_64 Linux. Elsewhere the one test says that it was skipped.
#![cfg(feature = "host")]

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod traced;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
#[test]
fn faults_are_injected_on_x86_64_linux_only() {
    eprintln!("skipped: faults are injected on x86_64 Linux only");
}
