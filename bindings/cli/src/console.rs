// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said to people, on stderr; and results for programs, on stdout.

use std::fs::Metadata;
use std::io::Write;
use std::path::Path;

use crate::failure::{Failure, Result, shown};

/// Says something that must not be overlooked. `--quiet` does not silence it.
pub(crate) fn warn(message: &str) {
    // Nobody is left to tell where stderr is gone.
    let _ = writeln!(std::io::stderr(), "sealwax: warning: {message}");
}

/// Says something that is good to know.
pub(crate) fn note(message: &str) {
    let _ = writeln!(std::io::stderr(), "sealwax: {message}");
}

/// Says what is to be looked at before a question is answered.
pub(crate) fn say(lines: &str) {
    let _ = writeln!(std::io::stderr(), "{lines}");
}

/// Says what failed, in one line.
pub(crate) fn report(failure: &Failure) {
    if !failure.is_quiet() {
        let _ = writeln!(std::io::stderr(), "sealwax: {failure}");
    }
}

/// Writes results for programs, and sees errors that `println!` would panic about.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Warns where others than its owner can read a file that should be secret.
pub(crate) fn warn_if_shared(path: &Path, metadata: &Metadata, what: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode();
        if metadata.is_file() && mode & 0o077 != 0 {
            let path = shown(path);
            warn(&format!(
                "{path}: {what} is open to others (mode {:03o}); chmod 600",
                mode & 0o777
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = (path, metadata, what);
}
