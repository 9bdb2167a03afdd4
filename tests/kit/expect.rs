// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a vector expects, and whether that is what came.

use sealwax::{Error, ErrorKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    Ok,
    Error(ErrorKind),
}

impl Expect {
    pub(crate) fn parse(text: &str) -> Self {
        Expect::Error(match text {
            "ok" => return Expect::Ok,
            "Decrypt" => ErrorKind::Decrypt,
            "Format" => ErrorKind::Format,
            "Truncated" => ErrorKind::Truncated,
            "Limit" => ErrorKind::Limit,
            "UnknownKey" => ErrorKind::UnknownKey,
            "KeyState" => ErrorKind::KeyState,
            other => panic!("unknown expect {other}"),
        })
    }

    pub(crate) fn check<T>(self, face: &str, result: Result<T, Error>) -> Option<T> {
        let got = match &result {
            Ok(_) => Expect::Ok,
            Err(error) => Expect::Error(error.kind()),
        };
        assert_eq!(got, self, "{face}: {:?}", result.err());
        result.ok()
    }

    /// A pipe's reader cannot tell a cut chunk from a changed one (format.md 11.6).
    pub(crate) fn check_pipe<T>(self, face: &str, result: Result<T, Error>) -> Option<T> {
        let end = [ErrorKind::Truncated, ErrorKind::Decrypt].map(Expect::Error);
        match &result {
            Err(error) if end.contains(&self) && end.contains(&Expect::Error(error.kind())) => None,
            _ => self.check(face, result),
        }
    }
}
