// SPDX-License-Identifier: MIT OR Apache-2.0
//! The real binary, from the outside: what it writes, what it says, how it exits.
#![cfg(feature = "host")]

mod backups;
mod census;
mod counting;
mod detached;
mod doctor;
mod failures;
mod files;
mod keys;
mod kit;
mod life;
mod pipe;
mod policies;
mod reencrypt;
mod reports;
mod rewrap;
mod streams;
mod terminal;
mod tokens;
mod transfer;
mod trouble;
