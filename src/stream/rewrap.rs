// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rewrap of files: in place by format.md 4.9, or into a copy with more room.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::header::HeaderReader;
use super::path::{Control, check_commit, write_all_at};
use super::position::{ReadAt, read_exact_at};
use crate::atomic::{AtomicFile, Existing};
use crate::envelope::rewrap::Plan;
use crate::envelope::{Change, Header, Rewrapper};
use crate::error::{Error, Result};
use crate::format::key_block::{FRAME, Layout};
use crate::id::Wanted;
use crate::locked::{Access, is_named_by, open_locked, open_regular};
use crate::rng::OsRandom;
use crate::wrap::OpenedVia;

/// How files are rewrapped.
#[derive(Clone, Copy)]
pub struct RewrapJob<'a> {
    /// What is done where the key block has no room for the new entries.
    pub room: Room,
    /// Whether each step is made durable before the next one.
    pub durability: Durability,
    /// Whether anything is written.
    pub writing: Writing,
    /// Watches a copy and may stop it.
    pub control: Option<&'a dyn Control>,
}

/// What is done where the key block has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It is an error, and the file stays as it is.
    AsItIs,
    /// The file is copied, with a larger key block, and the copy takes its name.
    Grow,
}

/// Whether a crash of the machine, and not only of the process, must leave a file that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Each step is on the disk before the next one begins.
    Synced,
    /// The system writes when it likes: many times faster, for data that can be made again.
    Unsynced,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Yes.
    Write,
    /// No: what would be done is said. Keys are not tried.
    DryRun,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileRewrap {
    /// It is as it should be; its key was not unwrapped.
    Current,
    /// Its recipients are new, in place.
    InPlace(Vec<Change>, OpenedVia),
    /// Its recipients are new, in a copy that took its name.
    Copied(Vec<Change>, OpenedVia),
    /// What an interrupted rewrap left is cleared; the recipients were new already.
    Recovered(OpenedVia),
    /// What would be done, in a dry run.
    WouldChange(Vec<Change>),
    /// None of its recipients is a key at hand, and no change was asked for: it stays as it is. This is its first recipient.
    NotAtHand(Wanted),
}

impl Default for RewrapJob<'_> {
    fn default() -> Self {
        RewrapJob {
            room: Room::AsItIs,
            durability: Durability::Synced,
            writing: Writing::Write,
            control: None,
        }
    }
}

impl Rewrapper<'_> {
    /// Rewraps a sealed file or a detached header. In place, at most one slot is written and one zeroed; a reader at any
    /// moment and after any crash finds a good slot.
    ///
    /// The caller's duty: everybody who rewraps the file honours the advisory lock on it. Where that cannot be had
    /// (some network file systems), use one writer.
    ///
    /// # Errors
    /// As [`Rewrapper::rewrap_header`]; `Limit` where the key block has no room and is to stay as it is; `Io`.
    pub fn rewrap_path(&self, path: &Path, job: &RewrapJob<'_>) -> Result<FileRewrap> {
        self.rewrap_path_with(path, job, &mut HeaderReader::with_max_len(self.header_limit()))
    }

    /// [`Rewrapper::rewrap_path`] with a reader that is used for many files.
    ///
    /// # Errors
    /// As [`Rewrapper::rewrap_path`].
    pub fn rewrap_path_with(
        &self,
        path: &Path,
        job: &RewrapJob<'_>,
        reader: &mut HeaderReader,
    ) -> Result<FileRewrap> {
        // What is as it should be is seen without a lock.
        let file = open_regular(path)?;
        let todo = reader.read(&file, |header| match self.is_current(header)? {
            true if !self.names_a_key_at_hand(header) => {
                let wanted = header.entries().next().map_or(Wanted::None, |entry| entry.wanted());
                Ok(Todo::Leave(wanted))
            }
            true if header.has_leftover() => Ok(Todo::Recover),
            true => Ok(Todo::Nothing),
            false if job.writing == Writing::DryRun => Ok(Todo::Tell(self.plan(header)?.changes)),
            false => Ok(Todo::Rewrap),
        })?;
        drop(file);
        match todo {
            Todo::Nothing => Ok(FileRewrap::Current),
            Todo::Leave(wanted) => Ok(FileRewrap::NotAtHand(wanted)),
            Todo::Tell(changes) => Ok(FileRewrap::WouldChange(changes)),
            Todo::Recover if job.writing == Writing::DryRun => {
                Ok(FileRewrap::WouldChange(Vec::new()))
            }
            Todo::Recover => self.recover_path_with(path, job.durability, reader),
            Todo::Rewrap => {
                let file = open_locked(path, Access::ReadWrite)?;
                reader.read(&*file, |header| self.rewrap_locked(&file, path, header, job))
            }
        }
    }

    /// Clears the slot that an interrupted rewrap in place left, after the other one was verified.
    ///
    /// # Errors
    /// Those of opening the header; `Io`.
    pub fn recover_path(&self, path: &Path, durability: Durability) -> Result<FileRewrap> {
        let reader = &mut HeaderReader::with_max_len(self.header_limit());
        self.recover_path_with(path, durability, reader)
    }

    fn recover_path_with(
        &self,
        path: &Path,
        durability: Durability,
        reader: &mut HeaderReader,
    ) -> Result<FileRewrap> {
        let file = open_locked(path, Access::ReadWrite)?;
        reader.read(&*file, |header| self.recover_locked(&file, header, durability))
    }

    fn recover_locked(
        &self,
        file: &File,
        header: &Header<'_>,
        durability: Durability,
    ) -> Result<FileRewrap> {
        if !header.has_leftover() {
            return Ok(FileRewrap::Current);
        }
        let opened_via = self.authenticate(header)?;
        settle_slot(file, header, durability)?;
        clear_slot(file, header, 1 - header.slots().2, durability)?;
        Ok(FileRewrap::Recovered(opened_via))
    }

    /// format.md 4.9, from (b) on: the lock is held.
    fn rewrap_locked(
        &self,
        file: &File,
        path: &Path,
        header: &Header<'_>,
        job: &RewrapJob<'_>,
    ) -> Result<FileRewrap> {
        if self.is_current(header)? {
            // Somebody else was faster, and may have been interrupted.
            return self.recover_locked(file, header, job.durability);
        }
        let plan = self.plan(header)?;
        let layout = header.layout;
        if layout.slots == 2 && plan.fits(layout) {
            let via = self.rewrap_in_place(file, header, &plan, job.durability)?;
            return Ok(FileRewrap::InPlace(plan.changes, via));
        }
        match job.room {
            Room::AsItIs => Err(Error::Limit(
                "the key block has no room for these recipients: grow it by a copy",
            )),
            Room::Grow => {
                let via = self.rewrap_into_copy(file, path, header, &plan, job)?;
                Ok(FileRewrap::Copied(plan.changes, via))
            }
        }
    }

    fn rewrap_in_place(
        &self,
        file: &File,
        header: &Header<'_>,
        plan: &Plan<'_>,
        durability: Durability,
    ) -> Result<OpenedVia> {
        let (layout, old) = (header.layout, header.slots().2);
        let new = 1 - old;
        let mut slot = vec![0; layout.slot_len];
        let via = self.write_slot(header, plan, layout, &mut OsRandom, &mut slot)?;
        if header.has_leftover() {
            settle_slot(file, header, durability)?;
        }
        // (c)
        write_all_at(file, slot_at(header, new), &slot)?;
        sync(file, durability)?;
        // (d)
        let mut written = vec![0; layout.len()];
        read_exact_at(file, header.key_block_at(), &mut written)?;
        let slots = &written[FRAME..];
        let of = |index: u8| &slots[usize::from(index) * layout.slot_len..][..layout.slot_len];
        let is_ours = written[..FRAME] == layout.frame() && of(new) == slot;
        if !is_ours || of(old) != header.slot.bytes() {
            let what =
                "the key block changed while it was rewrapped; the old recipients still stand";
            return Err(io::Error::other(what).into());
        }
        clear_slot(file, header, old, durability)?;
        Ok(via)
    }

    fn rewrap_into_copy(
        &self,
        file: &File,
        path: &Path,
        header: &Header<'_>,
        plan: &Plan<'_>,
        job: &RewrapJob<'_>,
    ) -> Result<OpenedVia> {
        let layout = plan.file_layout();
        let core_len = header.key_block_at() as usize;
        if core_len + layout.len() > self.header_limit() {
            return Err(Error::Limit("the header would be longer than the limit; raise it"));
        }
        let mut front = vec![0; core_len + layout.len()];
        read_exact_at(file, 0, &mut front[..core_len])?;
        front[core_len..core_len + FRAME].copy_from_slice(&layout.frame());
        let slot = &mut front[core_len + FRAME..][..layout.slot_len];
        let via = self.write_slot(header, plan, layout, &mut OsRandom, slot)?;
        let mut copy = AtomicFile::create(path, Existing::Replace)?;
        copy.set_mode_of(&file.metadata()?)?;
        copy.write_all(&front)?;
        copy_payload(file, header.len() as u64, copy.file(), job.control)?;
        copy.commit_if(|| {
            check_commit(job.control)?;
            match is_named_by(file, path)? {
                true => Ok(()),
                false => Err(replaced_meanwhile()),
            }
        })?;
        Ok(via)
    }
}

/// Whoever seals into a file's name takes no lock of what was there: what they put there is newer than our copy.
pub(super) fn replaced_meanwhile() -> Error {
    io::Error::other("the file was replaced by another while it was copied; that one stays").into()
}

/// What is to be done with a file.
enum Todo {
    Nothing,
    Leave(Wanted),
    Tell(Vec<Change>),
    Recover,
    Rewrap,
}

/// Copies what follows the header, in pieces that are small enough to be stopped between.
fn copy_payload(
    mut from: &File,
    at: u64,
    mut to: &File,
    control: Option<&dyn Control>,
) -> Result<()> {
    use std::io::{Seek, SeekFrom};
    let total = ReadAt::len(from)?.saturating_sub(at);
    from.seek(SeekFrom::Start(at))?;
    let mut done = 0;
    while done < total {
        if control.is_some_and(Control::is_cancelled) {
            return Err(io::Error::from(io::ErrorKind::Interrupted).into());
        }
        let copied = io::copy(&mut from.take(COPY_LEN), &mut to)?;
        if copied == 0 {
            return Err(io::Error::other("the file became shorter while it was copied").into());
        }
        done += copied;
        if let Some(control) = control {
            control.progress(done, total);
        }
    }
    Ok(())
}

/// Makes the chosen slot durable before the other one goes: whoever was interrupted may not have done it. After a sync
/// that failed the system may take what it did not write for written, hence the same bytes once more.
fn settle_slot(file: &File, header: &Header<'_>, durability: Durability) -> Result<()> {
    if durability == Durability::Unsynced {
        return Ok(());
    }
    write_all_at(file, slot_at(header, header.slots().2), header.slot.bytes())?;
    sync(file, durability)
}

fn clear_slot(file: &File, header: &Header<'_>, index: u8, durability: Durability) -> Result<()> {
    let Layout { slots, slot_len } = header.layout;
    if slots == 2 {
        write_all_at(file, slot_at(header, index), &vec![0; slot_len])?;
        sync(file, durability)?;
    }
    Ok(())
}

fn slot_at(header: &Header<'_>, index: u8) -> u64 {
    let before = FRAME + usize::from(index) * header.layout.slot_len;
    header.key_block_at() + before as u64
}

fn sync(file: &File, durability: Durability) -> Result<()> {
    match durability {
        Durability::Synced => Ok(file.sync_data()?),
        Durability::Unsynced => Ok(()),
    }
}

/// Bytes that are copied between two looks at whether to stop.
const COPY_LEN: u64 = 8 << 20;
