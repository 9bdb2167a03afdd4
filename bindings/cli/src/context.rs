// SPDX-License-Identifier: MIT OR Apache-2.0
//! Context entries from the command line: NAME=VALUE.

use std::ffi::OsString;

use sealwax::Context;

use crate::failure::{Failure, Result};

/// The context of these arguments. The value is what follows the first `=`, byte for byte.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Context> {
    let mut context = Context::new();
    for argument in arguments {
        let bytes = argument.as_encoded_bytes();
        let shape = || Failure::usage("context is given as NAME=VALUE").about(lossy(argument));
        let at = bytes.iter().position(|&byte| byte == b'=').ok_or_else(shape)?;
        let name = std::str::from_utf8(&bytes[..at]).map_err(|_| shape())?;
        // What comes from the command line is too long here because the user made it so.
        let wrong = |error: sealwax::Error| {
            Failure::usage(Failure::from(error).what()).about(lossy(argument))
        };
        context.insert(name, &bytes[at + 1..]).map_err(wrong)?;
    }
    Ok(context)
}

fn lossy(argument: &OsString) -> String {
    crate::failure::escaped(&argument.to_string_lossy())
}
