// SPDX-License-Identifier: MIT OR Apache-2.0
//! What protects the keyset file of a store, for as long as the store lives.

use std::sync::Arc;

use crate::envelope::{DEFAULT_MAX_HEADER_LEN, Header};
use crate::error::{Error, Result};
use crate::keyset::file::Protection;
use crate::wrap::KeyWrap;

/// What protects the keyset file of a store: the store opens it again and again, and writes it anew for the same keys.
#[derive(Clone)]
pub enum Guard {
    /// Sealed for these: passphrases, keysets, raw keys; and public keys, for backup.
    Sealed(Vec<Arc<dyn KeyWrap + Send + Sync>>),
    /// Readable by whoever can read the file.
    Unprotected,
}

impl Guard {
    /// Sealed for one key.
    pub fn sealed(key: impl KeyWrap + Send + 'static) -> Self {
        Guard::Sealed(vec![Arc::new(key)])
    }

    /// Sealed for one more key.
    pub fn and(self, key: impl KeyWrap + Send + 'static) -> Self {
        match self {
            Guard::Sealed(mut keys) => {
                keys.push(Arc::new(key));
                Guard::Sealed(keys)
            }
            Guard::Unprotected => Guard::sealed(key),
        }
    }

    pub(super) fn with<R>(&self, work: impl FnOnce(Protection<'_>) -> R) -> R {
        match self {
            Guard::Unprotected => work(Protection::Unprotected),
            Guard::Sealed(keys) => {
                let keys: Vec<&dyn KeyWrap> =
                    keys.iter().map(|key| &**key as &dyn KeyWrap).collect();
                work(Protection::Sealed(&keys))
            }
        }
    }

    /// Those of the keys for which this file is sealed: it is written anew for them and for no others (format.md 8.6a).
    ///
    /// Refuses a file that is sealed for somebody whose key is not here: writing it anew would lock them out.
    pub(super) fn recipients_of(&self, file: &[u8]) -> Result<Guard> {
        let Guard::Sealed(keys) = self else { return Ok(Guard::Unprotected) };
        let header = Header::parse(file, DEFAULT_MAX_HEADER_LEN)?;
        let refs: Vec<&dyn KeyWrap> = keys.iter().map(|key| &**key as &dyn KeyWrap).collect();
        let Some(has) = header.keys_of_all_entries(&refs)? else {
            return Err(Error::Misuse(
                "the keyset file is sealed for somebody whose key is not given: give all of its \
                 recipients, or change them with the call that is for it",
            ));
        };
        let with_entry = keys.iter().zip(has).filter(|(_, has)| *has).map(|(key, _)| key);
        Ok(Guard::Sealed(with_entry.map(Arc::clone).collect()))
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Guard::Sealed(keys) => write!(f, "Guard::Sealed({} keys)", keys.len()),
            Guard::Unprotected => f.write_str("Guard::Unprotected"),
        }
    }
}
