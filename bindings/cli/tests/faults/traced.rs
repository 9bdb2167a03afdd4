// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command under ptrace: the calls, the faults, the matrix of both, and the scenarios.

mod calls;
mod conditions;
mod files;
mod injector;
mod keysets;
mod matrix;
mod order;
mod reading;
mod rewraps;
mod room;
mod table;
mod tokens;
