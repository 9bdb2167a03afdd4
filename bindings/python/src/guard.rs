// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects a keyset file.

use pyo3::prelude::*;
use sealwax::keyset::file::Protection;
use sealwax::store;

use crate::errors;
use crate::keys::{Keys, Use};

/// What protects a keyset file.
pub(crate) struct Guard {
    keys: Keys,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Sealed,
    Restore,
    Unprotected,
}

impl Guard {
    pub(crate) fn to_open(
        py: Python<'_>,
        passphrase: Option<&Bound<'_, PyAny>>,
        identity: Option<&Bound<'_, PyAny>>,
        keyset: Option<&Bound<'_, PyAny>>,
        keys: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
    ) -> PyResult<Self> {
        let held = Keys::default().add(keyset, Use::Open)?.add(identity, Use::Open)?;
        let held = held.passphrase(passphrase)?.add(keys, Use::Open)?;
        let given = [passphrase, identity, keyset, keys].iter().any(Option::is_some);
        let kind = match (unprotected, given, identity.is_some()) {
            (true, true, _) => return Err(errors::misuse(py, BOTH)),
            (true, false, _) => Kind::Unprotected,
            (false, false, _) => return Err(errors::misuse(py, NEITHER)),
            (false, true, true) => Kind::Restore,
            (false, true, false) => Kind::Sealed,
        };
        Ok(Guard { keys: held, kind })
    }

    pub(crate) fn to_seal(
        py: Python<'_>,
        passphrase: Option<&Bound<'_, PyAny>>,
        recipients: Option<&Bound<'_, PyAny>>,
        unprotected: bool,
    ) -> PyResult<Self> {
        let keys = Keys::default().add(recipients, Use::Seal)?.passphrase(passphrase)?;
        let kind = match (unprotected, passphrase.is_some() || recipients.is_some()) {
            (true, true) => return Err(errors::misuse(py, BOTH)),
            (true, false) => Kind::Unprotected,
            (false, false) => return Err(errors::misuse(py, NEITHER)),
            (false, true) => Kind::Sealed,
        };
        Ok(Guard { keys, kind })
    }

    pub(crate) fn apply<T>(&self, work: impl FnOnce(Protection<'_>) -> T) -> T {
        let wraps = self.keys.wraps();
        work(match self.kind {
            Kind::Sealed => Protection::Sealed(&wraps),
            Kind::Restore => Protection::Restore(&wraps),
            Kind::Unprotected => Protection::Unprotected,
        })
    }

    /// As a store keeps it, which writes the file anew for the same keys.
    pub(crate) fn for_store(self) -> store::Guard {
        match self.kind {
            Kind::Unprotected => store::Guard::Unprotected,
            Kind::Sealed | Kind::Restore => store::Guard::Sealed(self.keys.shared()),
        }
    }
}

const BOTH: &str = "a keyset file is either unprotected or sealed: give a key, or unprotected=True";
const NEITHER: &str =
    "say what protects the keyset file: a passphrase or a key, or unprotected=True";
