// SPDX-License-Identifier: MIT OR Apache-2.0
//! One file per subcommand.

pub(crate) mod census;
pub(crate) mod doctor;
pub(crate) mod identity;
pub(crate) mod inspect;
pub(crate) mod keyset;
pub(crate) mod manual;
pub(crate) mod open;
pub(crate) mod pipe;
pub(crate) mod recover;
pub(crate) mod reencrypt;
pub(crate) mod rewrap;
pub(crate) mod seal;
pub(crate) mod token;
pub(crate) mod verify;

use crate::console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt;

/// What became of many things that are done one after the other.
pub(crate) type Outcome = Result<(), Exit>;

/// Does all of them, reports what failed, and gives the code of the first failure.
pub(crate) fn each<T>(
    items: Vec<Result<T, Failure>>,
    mut work: impl FnMut(T) -> Result<(), Failure>,
) -> Outcome {
    let mut outcome = Ok(());
    for item in items {
        let done = item.and_then(&mut work);
        if interrupt::is_cancelled() {
            return Err(Exit::Other);
        }
        if let Err(failure) = done {
            console::report(&failure);
            outcome = outcome.and(Err(failure.exit));
        }
    }
    outcome
}
