// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keywords that the calls for envelopes share.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use sealwax::atomic::Existing;
use sealwax::envelope::{ChunkLen, DEFAULT_MAX_HEADER_LEN, HARD_MAX_HEADER_LEN};
use sealwax::id::RecipientKind;
use sealwax::stream::Job;
use sealwax::{Algorithm, Context, Opener, Sealer, Suite};

use crate::context;
use crate::errors;
use crate::job::Watch;
use crate::keys::{Keys, Use};
use crate::keyset::algorithm_of;
use crate::path::path_of;

/// How to seal.
#[derive(Default)]
pub(crate) struct Sealing {
    keys: Keys,
    stored: Context,
    external: Context,
    suite: Option<Suite>,
    chunk_len: Option<ChunkLen>,
    mix_recipients: bool,
    max_header_len: Option<usize>,
    pub(crate) run: Running,
}

/// How to open.
#[derive(Default)]
pub(crate) struct Opening {
    keys: Keys,
    given: Context,
    min_epoch: u32,
    require: Vec<RecipientKind>,
    max_header_len: Option<usize>,
    pub(crate) run: Running,
}

/// How a job is run.
#[derive(Default)]
pub(crate) struct Running {
    pub(crate) threads: Option<usize>,
    /// Where the header is, if it is not in the file.
    pub(crate) header: Option<Py<PyAny>>,
    /// Where the header of a second file is to be.
    pub(crate) dst_header: Option<Py<PyAny>>,
    overwrite: bool,
    progress: Option<Py<PyAny>>,
}

impl Sealing {
    /// Of the keywords of a call; `also` are those that not every call has.
    pub(crate) fn of(
        py: Python<'_>,
        keywords: Option<&Bound<'_, PyDict>>,
        also: &[&str],
    ) -> PyResult<Self> {
        let mut options = Sealing::default();
        let (mut context, mut suite, mut chunk_len) = (None, None, None);
        for (name, value) in keywords.into_iter().flat_map(|keywords| keywords.iter()) {
            let name = name.extract::<String>()?;
            if value.is_none() {
                options.run.check_known(&name, also, Self::NAMES)?;
                continue;
            }
            let keys = std::mem::take(&mut options.keys);
            options.keys = match name.as_str() {
                "keyset" | "recipients" => keys.add(Some(&value), Use::Seal)?,
                "passphrase" => keys.passphrase(Some(&value))?,
                _ => keys,
            };
            match name.as_str() {
                "keyset" | "recipients" | "passphrase" => {}
                "context" => context = Some(value),
                "external" => options.external = context::of(Some(&value))?,
                "suite" => suite = Some(value.extract::<String>()?),
                "chunk_len" => chunk_len = Some(value.extract::<usize>()?),
                "danger_mix_recipients" => options.mix_recipients = value.extract()?,
                "max_header_len" => options.max_header_len = Some(value.extract()?),
                _ => options.run.take(&name, value, also, Self::NAMES)?,
            }
        }
        options.stored = context::of(context.as_ref())?;
        options.suite = match suite.map(|name| algorithm_of(py, &name)).transpose()? {
            Some(Algorithm::Symmetric(suite)) => Some(suite),
            Some(_) => return Err(errors::misuse(py, "an envelope's suite is a symmetric one")),
            None => None,
        };
        options.chunk_len = chunk_len.map(|len| chunk_len_of(py, len)).transpose()?;
        if options.keys.is_empty() {
            let what =
                "an envelope needs at least one recipient: give keyset, recipients or passphrase";
            return Err(errors::misuse(py, what));
        }
        Ok(options)
    }

    /// The library's sealer.
    pub(crate) fn sealer(&self) -> Sealer<'_> {
        let mut sealer = self.keys.sealer();
        if let Some(suite) = self.suite {
            sealer = sealer.suite(suite);
        }
        if let Some(chunk_len) = self.chunk_len {
            sealer = sealer.chunk_len(chunk_len);
        }
        if self.mix_recipients {
            sealer = sealer.danger_mix_recipients();
        }
        if let Some(len) = self.max_header_len {
            sealer = sealer.max_header_len(len);
        }
        sealer.stored_context(self.stored.clone()).external_context(self.external.clone())
    }

    const NAMES: &[&str] = &[
        "keyset",
        "recipients",
        "passphrase",
        "context",
        "external",
        "suite",
        "chunk_len",
        "danger_mix_recipients",
        "max_header_len",
    ];
}

impl Opening {
    /// Of the keywords of a call; `also` are those that not every call has.
    pub(crate) fn of(
        py: Python<'_>,
        keywords: Option<&Bound<'_, PyDict>>,
        also: &[&str],
    ) -> PyResult<Self> {
        let mut options = Opening::default();
        let (mut context, mut external) = (None, None);
        for (name, value) in keywords.into_iter().flat_map(|keywords| keywords.iter()) {
            let name = name.extract::<String>()?;
            if value.is_none() {
                options.run.check_known(&name, also, Self::NAMES)?;
                continue;
            }
            let keys = std::mem::take(&mut options.keys);
            options.keys = match name.as_str() {
                "keyset" | "identities" | "keys" => keys.add(Some(&value), Use::Open)?,
                "passphrase" => keys.passphrase(Some(&value))?,
                _ => keys,
            };
            match name.as_str() {
                "keyset" | "identities" | "keys" | "passphrase" => {}
                "context" => context = Some(value),
                "external" => external = Some(value),
                "min_epoch" => options.min_epoch = value.extract()?,
                "require" => options.require = kinds_of(py, &value)?,
                "max_header_len" => options.max_header_len = Some(value.extract()?),
                _ => options.run.take(&name, value, also, Self::NAMES)?,
            }
        }
        options.given = context::given(context.as_ref(), external.as_ref())?;
        Ok(options)
    }

    /// Longest header that is read.
    pub(crate) fn header_limit(&self) -> usize {
        self.max_header_len.unwrap_or(DEFAULT_MAX_HEADER_LEN).min(HARD_MAX_HEADER_LEN)
    }

    /// The library's opener.
    pub(crate) fn opener(&self) -> Opener<'_> {
        let mut opener = self.keys.opener();
        if let Some(len) = self.max_header_len {
            opener = opener.max_header_len(len);
        }
        opener.context(self.given.clone()).min_epoch(self.min_epoch).require(&self.require)
    }

    const NAMES: &[&str] = &[
        "keyset",
        "identities",
        "keys",
        "passphrase",
        "context",
        "external",
        "min_epoch",
        "require",
        "max_header_len",
    ];
}

impl Running {
    /// The library's description of the job.
    pub(crate) fn job<'a>(&self, watch: &'a Watch) -> Job<'a> {
        let existing = if self.overwrite { Existing::Replace } else { Existing::Keep };
        Job { threads: self.threads.unwrap_or(0), existing, control: Some(watch) }
    }

    /// Where the header is, if it is not in the file.
    pub(crate) fn header_path(&self, py: Python<'_>) -> PyResult<Option<PathBuf>> {
        self.header.as_ref().map(|header| path_of(header.bind(py))).transpose()
    }

    /// What reports go to, if anything; `label` names the job on a bar.
    pub(crate) fn progress<'py>(
        &self,
        py: Python<'py>,
        label: &std::path::Path,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(progress) = &self.progress else { return Ok(None) };
        let progress = progress.bind(py);
        if let Ok(flag) = progress.cast::<PyBool>() {
            if !flag.is_true() {
                return Ok(None);
            }
            let bar = py.import("sealwax._progress")?.getattr("Bar")?;
            return bar.call1((label.as_os_str(),)).map(Some);
        }
        match progress.is_callable() {
            true => Ok(Some(progress.clone())),
            false => Err(PyTypeError::new_err("progress is True or a callable of (done, total)")),
        }
    }

    pub(crate) fn take(
        &mut self,
        name: &str,
        value: Bound<'_, PyAny>,
        also: &[&str],
        others: &[&str],
    ) -> PyResult<()> {
        self.check_known(name, also, others)?;
        match name {
            "threads" => {
                let threads = value.extract::<usize>().map_err(|_| {
                    errors::misuse(value.py(), "threads is a number; 0 means one per core")
                })?;
                self.threads = Some(threads);
            }
            "overwrite" => self.overwrite = value.extract()?,
            "header" => self.header = Some(value.unbind()),
            "dst_header" => self.dst_header = Some(value.unbind()),
            _ => self.progress = Some(value.unbind()),
        }
        Ok(())
    }

    pub(crate) fn check_known(&self, name: &str, also: &[&str], others: &[&str]) -> PyResult<()> {
        match also.contains(&name) || others.contains(&name) {
            true => Ok(()),
            false => Err(PyTypeError::new_err(format!("unexpected keyword argument '{name}'"))),
        }
    }
}

/// Which suite has which is for the sealer to say: it knows the keyset's.
fn chunk_len_of(py: Python<'_>, len: usize) -> PyResult<ChunkLen> {
    let known = [ChunkLen::KIB_1, ChunkLen::KIB_4, ChunkLen::KIB_16, ChunkLen::KIB_64];
    known
        .into_iter()
        .find(|chunk_len| chunk_len.plaintext_len() == len)
        .ok_or_else(|| errors::misuse(py, "chunk_len is 1024, 4096, 16384 or 65536"))
}

pub(crate) fn kinds_of(py: Python<'_>, names: &Bound<'_, PyAny>) -> PyResult<Vec<RecipientKind>> {
    let names = match names.extract::<String>() {
        Ok(name) => vec![name],
        Err(_) => names.extract::<Vec<String>>()?,
    };
    let known = [
        RecipientKind::Keyset,
        RecipientKind::Passphrase,
        RecipientKind::X25519,
        RecipientKind::XWing,
        RecipientKind::RawKey,
        RecipientKind::Provider,
    ];
    let kind = |name: &String| {
        known.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = known.map(RecipientKind::name).join(", ");
            errors::misuse(py, &format!("require takes kinds of recipients: {names}"))
        })
    };
    let kinds = names.iter().map(kind).collect::<PyResult<Vec<_>>>()?;
    match kinds.is_empty() {
        // Nothing required would mean that everything does.
        true => Err(errors::misuse(py, "require needs at least one kind of recipient")),
        false => Ok(kinds),
    }
}
