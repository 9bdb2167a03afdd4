// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `sealwax`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sealwax_cli::main()
}
