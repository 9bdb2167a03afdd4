# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the archive for firmware twice, in two folders of different names, and compares the bytes."""
import hashlib
import os
import shutil
import subprocess

from part import OUT, ROOT

TARGET = "thumbv7em-none-eabihf"


def build(part):
    digests = []
    for name in ("one", "another-folder"):
        tree = OUT / "twice" / name
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        for file in files.decode().split("\0"):
            if file and (ROOT / file).is_file():
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, tree / file)
        cargo = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
        flags = (f'--cfg sha2_backend="soft" --cfg sha2_backend_soft="compact" '
                 f"--remap-path-prefix={tree}=/sealwax --remap-path-prefix={cargo}=/cargo")
        code, _ = part.build(["cargo", "rustc", "--locked", "-p", "sealwax-c", "--no-default-features", "--profile", "firmware",
                              "--target", TARGET, "--crate-type", "staticlib"], folder=tree,
                             env={"RUSTFLAGS": flags, "CARGO_TARGET_DIR": str(tree / "target")})
        if code != 0:
            part.fail(f"the archive for {TARGET} does not build")
            return
        archive = tree / f"target/{TARGET}/firmware/libsealwax_c.a"
        digests.append(hashlib.sha256(archive.read_bytes()).hexdigest())
        shutil.rmtree(tree)
    if digests[0] == digests[1]:
        part.say(f"the archive for {TARGET}, built in two folders, is the same: SHA-256 {digests[0]}")
    else:
        part.fail(f"the archive for {TARGET} is another one in another folder: {digests}")
