// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Python module `sealwax._native`. People import from `sealwax`.
#![cfg(feature = "host")]

mod backup;
mod buffer;
mod census;
mod context;
mod envelope;
mod errors;
mod guard;
mod guarded;
mod info;
mod job;
mod keys;
mod keyset;
mod life;
mod object;
mod options;
mod packed;
mod path;
mod reader;
mod rewrap;
mod store;
mod token;
mod transit;
mod writer;

/// What `sealwax` re-exports.
#[pyo3::pymodule]
#[pyo3(name = "_native")]
mod native {
    #[pymodule_export]
    use super::backup::Share;
    #[pymodule_export]
    use super::census::{Census, census};
    #[pymodule_export]
    use super::context::PreparedContext;
    #[pymodule_export]
    use super::envelope::{
        open_bytes, open_file, open_into, seal_bytes, seal_file, seal_into, sealed_len, verify,
    };
    #[pymodule_export]
    use super::info::inspect;
    #[pymodule_export]
    use super::keys::{Passphrase, ProvidedKey, ProviderRecipient, RawKey, Recipient};
    #[pymodule_export]
    use super::keyset::Keyset;
    #[pymodule_export]
    use super::reader::Reader;
    #[pymodule_export]
    use super::rewrap::{reencrypt_file, rewrap, rewrap_bytes};
    #[pymodule_export]
    use super::store::Store;
    #[pymodule_export]
    use super::transit::{Handshake, Limits, Session};
    #[pymodule_export]
    use super::writer::Writer;

    #[pymodule_export]
    const TOKEN_OVERHEAD: usize = sealwax::token::OVERHEAD;
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "what Python calls it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
