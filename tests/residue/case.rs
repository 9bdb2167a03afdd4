// SPDX-License-Identifier: MIT OR Apache-2.0
//! A call that is looked at, and what it must not leave.

use std::sync::Arc;

use super::needles::{Needles, Secrets};
use super::watch::left_by;

/// What is run once, in a thread of its own.
pub(crate) type Call = Box<dyn FnMut() + Send>;

pub(crate) struct Case {
    pub(crate) name: String,
    /// Makes what the call works on, which is not looked at.
    prepare: Box<dyn Fn() -> Call>,
    /// After the call: what it made may tell what its secrets were.
    pub(crate) needles: Box<dyn Fn() -> Arc<Needles>>,
    /// Over before there is a key to work with, or it works with none: nothing is wiped after it.
    pub(crate) ends_early: bool,
}

/// What a call left, or how deep it went.
pub(crate) struct Found {
    /// On its own stack or that of a thread that it began.
    pub(crate) on_stack: Option<(&'static str, usize)>,
    pub(crate) in_heap: Option<&'static str>,
    pub(crate) depth: usize,
    /// How much of that lies below what was wiped.
    pub(crate) below_wiped: usize,
    pub(crate) needles: Arc<Needles>,
}

/// A call that can be run again and again, with secrets that are known before.
pub(crate) fn case(
    name: impl Into<String>,
    needles: &Arc<Needles>,
    call: impl Fn() + Send + Sync + 'static,
) -> Case {
    let call = Arc::new(call);
    Case::of(name, needles, move || {
        let call = call.clone();
        Box::new(move || call())
    })
}

impl Case {
    /// A call on what was made for it.
    pub(crate) fn of(
        name: impl Into<String>,
        needles: &Arc<Needles>,
        prepare: impl Fn() -> Call + 'static,
    ) -> Case {
        let needles = needles.clone();
        Case::told_after(name, prepare, move || needles.clone())
    }

    /// A call whose secrets are known when it was run.
    pub(crate) fn told_after(
        name: impl Into<String>,
        prepare: impl Fn() -> Call + 'static,
        needles: impl Fn() -> Arc<Needles> + 'static,
    ) -> Case {
        Case {
            name: name.into(),
            prepare: Box::new(prepare),
            needles: Box::new(needles),
            ends_early: false,
        }
    }

    pub(crate) fn ends_early(mut self) -> Case {
        self.ends_early = true;
        self
    }

    pub(crate) fn run(&self) -> Found {
        // Once before: what is allocated once is there, and what is derived at the first use.
        (self.prepare)()();
        let mut call = (self.prepare)();
        let left = left_by(&mut *call);
        let needles = (self.needles)();
        let mut stacks = std::iter::once(left.stack()).chain(left.stacks_of_threads());
        let on_stack =
            stacks.find_map(|stack| needles.find(stack).map(|(name, at)| (name, stack.len() - at)));
        Found {
            on_stack,
            in_heap: needles.find(left.heap()).map(|(name, _)| name),
            depth: left.depth(),
            below_wiped: left.below_wiped(),
            needles,
        }
    }
}

/// Secrets that never change.
pub(crate) fn known(secrets: Secrets) -> Arc<Needles> {
    Arc::new(secrets.ready())
}

/// A value that lives as long as the program.
pub(crate) fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
