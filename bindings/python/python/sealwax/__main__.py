# SPDX-License-Identifier: MIT OR Apache-2.0
"""`python -m sealwax`: the command, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main() -> int:
    """Run the command `sealwax` with the same arguments."""
    command = shutil.which("sealwax")
    if command is None:
        print(
            "sealwax: the command is not installed; the Python module comes without it. "
            "In a checkout, `cargo install --path bindings/cli` installs it.",
            file=sys.stderr,
        )
        return 127
    arguments = [command, *sys.argv[1:]]
    if os.name == "posix":
        os.execv(command, arguments)
    return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
