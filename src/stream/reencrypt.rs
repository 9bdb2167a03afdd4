// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reencrypt: a new data key and a new payload, from path to path.

use std::fs::{File, Metadata};
use std::path::Path;

use super::geometry::Geometry;
use super::path::{Job, check_last, open_batch, run, write_all_at};
use super::position::{ReadAt, open_front};
use super::rewrap::replaced_meanwhile;
use crate::atomic::AtomicFile;
use crate::envelope::{Opener, Place, Sealer, Started};
use crate::error::{Error, Result};
use crate::format::payload::{PREFIX_LEN, payload_len};
use crate::locked::{Access, is_named_by, open_locked};
use crate::rng::OsRandom;
use crate::secret::memory::{CHUNKS_DEPTH, try_with_wiped_stack};
use crate::wrap::OpenedVia;

/// What was reencrypted.
#[derive(Clone, Debug)]
pub struct Reencrypted {
    /// Bytes of plaintext.
    pub plaintext_len: u64,
    /// Through which entry the old envelope was opened; [`OpenedVia::Compromised`] where what it held is not to be
    /// believed for having been there.
    pub opened_via: OpenedVia,
}

impl Opener<'_> {
    /// Opens a sealed file and seals its plaintext anew for the sealer's recipients: the remedy where a data key may be
    /// in other hands. The plaintext never touches the disk. `target` may be `source`, which is then replaced at once.
    ///
    /// Suite, chunk length and stored context are those of the source, and the opener's external context is the external
    /// context of both.
    ///
    /// # Errors
    /// As [`Opener::open`] and [`Sealer::seal`]; `Io`. Nothing is left behind and the source is untouched.
    pub fn reencrypt_path(
        &self,
        sealer: &Sealer<'_>,
        source: &Path,
        target: &Path,
        job: &Job<'_>,
    ) -> Result<Reencrypted> {
        // Nobody rewraps it meanwhile: what they wrote would be lost.
        let locked = open_locked(source, Access::Read)?;
        let replaced = is_named_by(&locked, target)?;
        let source: &File = &locked;
        let files = Target::create(target, None, &source.metadata()?, job)?;
        self.reencrypt_into(sealer, &source, files, job, || {
            match replaced && !is_named_by(source, target)? {
                true => Err(replaced_meanwhile()),
                false => Ok(()),
            }
        })
    }

    /// Reencrypts what is in `source`; `may_commit` has the last word before the new envelope gets its name.
    pub(super) fn reencrypt_into(
        &self,
        sealer: &Sealer<'_>,
        source: &impl ReadAt,
        mut target: Target,
        job: &Job<'_>,
        may_commit: impl FnOnce() -> Result<()>,
    ) -> Result<Reencrypted> {
        let (ready, from) = open_front(self, source)?;
        check_last(source, &ready, &from)?;
        let stored = ready.sealed.stored_context.clone();
        let external = self.external_beside(&stored)?;
        let sealer = sealer
            .clone()
            .suite(ready.sealed.suite)
            .chunk_len(ready.engine.chunk_len())
            .stored_context(stored)
            .external_context(external);
        let Started { front, engine } = sealer.start(Place::File, &mut OsRandom)?;
        let payload_at = target.write_front(&front)?;
        let plaintext_len = from.extent.plaintext_len;
        let payload = payload_len(plaintext_len, engine.chunk_len()).unwrap_or(u64::MAX);
        let to = Geometry::new(payload_at, payload, engine.chunk_len())?;
        run(&from, job, &|first, count, buffer| {
            open_batch(source, &ready.engine, &from, first, count, buffer)?;
            // Pieces stay where they are, and the new tags take the place of the old ones.
            try_with_wiped_stack::<CHUNKS_DEPTH, _>(|| engine.seal_batch(first, buffer))?;
            write_all_at(target.payload.file(), to.sealed_range(first, count).0, buffer)
        })?;
        target.commit(|| {
            job.check_commit()?;
            may_commit()
        })?;
        Ok(Reencrypted { plaintext_len, opened_via: ready.sealed.opened_via })
    }
}

/// The files that a new envelope goes into.
pub(super) struct Target {
    payload: AtomicFile,
    /// Where it has an object of its own (format.md 4.12).
    header: Option<AtomicFile>,
}

impl Target {
    pub(super) fn create(
        payload: &Path,
        header: Option<&Path>,
        like: &Metadata,
        job: &Job<'_>,
    ) -> Result<Self> {
        let create = |path: &Path| {
            let file = AtomicFile::create(path, job.existing)?;
            file.set_mode_of(like)?;
            Ok::<_, Error>(file)
        };
        Ok(Target { header: header.map(create).transpose()?, payload: create(payload)? })
    }

    /// Writes header and payload prefix; where the payload begins in its file.
    fn write_front(&mut self, front: &[u8]) -> Result<u64> {
        let (header_bytes, prefix) = front.split_at(front.len() - PREFIX_LEN);
        match &mut self.header {
            Some(header) => {
                header.write_all(header_bytes)?;
                self.payload.write_all(prefix)?;
                Ok(0)
            }
            None => {
                self.payload.write_all(front)?;
                Ok(header_bytes.len() as u64)
            }
        }
    }

    /// The header gets its name last: where it is there, the payload is.
    fn commit(self, may_commit: impl FnOnce() -> Result<()>) -> Result<()> {
        self.payload.commit_if(may_commit)?;
        self.header.map_or(Ok(()), AtomicFile::commit)
    }
}
