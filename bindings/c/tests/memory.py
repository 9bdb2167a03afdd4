# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks into a C program that holds keys, by debugger and by core dump:  memory.py PROGRAM FIXTURES FOLDER

Keys are found while they are planted and while the caller's contexts hold them, and not after those were wiped and handles freed. The
program is run once more and leaks on purpose, which must be found.
"""
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/memory"))
from needles import Needles, recording  # noqa: E402
from process import Stepped  # noqa: E402
from sessions import add_handshake  # noqa: E402
from reader.envelopes import open_envelope  # noqa: E402
from reader.hpke import x25519_public  # noqa: E402
from reader.keysets import open_keyset  # noqa: E402
from reader.tokens import Keys, open_token, version_key  # noqa: E402

PASSPHRASE = "a passphrase that nobody would choose, 271828"
COPIED = ("keyset_blob", "identity_blob", "device_key_id", "device_key", "transit_psk", "transit_device_private", "transit_server_private")


def known(folder):
    """The secrets that are known before the program runs, and the keys for those that follow from them."""
    read = lambda name: (folder / name).read_bytes()  # noqa: E731
    sets = [open_keyset(read(name), Keys({}), "unprotected")["parsed"] for name in ("keyset_blob", "identity_blob")]
    keys = Keys({
        "keysets": [{"keyset_id": one["keyset_id"], "versions": one["versions"]} for one in sets], "passphrase": PASSPHRASE,
        "raw_keys": [{"key_id": read("device_key_id").hex(), "key": read("device_key").hex()}]})
    needles = Needles()
    for keyset_id, version, algorithm, secret in keys.versions:
        needles.add_hmac_key("root secret", secret)
        for use in (b"token", b"wrap", b"salt") if algorithm == 2 else ():
            needles.add_hmac_key("K_" + use.decode(), version_key(secret, use, 2, keyset_id + version.to_bytes(4, "big")))
    for name in COPIED[3:]:
        needles.add_hmac_key(name, read(name))
    needles.add("passphrase", PASSPHRASE.encode())
    return needles, keys


def learn(needles, keys, program, folder):
    """What the program sealed says which other secrets it worked with; and what it said and drew, which those of its session are."""
    said, drawn = ([shown for name, shown in program.sealed if name == wanted] for wanted in ("said", "drawn"))
    if said:
        privates = [(folder / name).read_bytes() for name in ("transit_device_private", "transit_server_private")]
        public = [add_handshake(needles, said, drawn, privates, (folder / "transit_psk").read_bytes()), *said]
        for output in public + [x25519_public(private) for private in privates]:
            needles.forget_public(output)
    for name, sealed in program.sealed:
        if name in ("said", "drawn"):
            continue
        with recording(needles, name, secret=False):
            open_token(sealed, keys, {}) if name == "token" else open_envelope(sealed, keys, {})
        needles.forget_public(sealed)
    protected = folder / "protected.swxk"
    if protected.exists():
        with recording(needles, "keyset file", secret=False):
            open_keyset(protected.read_bytes(), keys)
        needles.forget_public(protected.read_bytes())


def run(arguments, folder, leaks):
    """Every step with what was found there: {step: (in memory, in the core dump)}."""
    needles, keys = known(folder)
    program, found = Stepped([*arguments, str(folder), *(["leak"] if leaks else [])], folder), {}
    for wanted in ("planted", "held", "wiped", "keys", "freed"):
        step = program.step()
        assert step == wanted, f"the program said {step!r}, not {wanted!r}"
        learn(needles, keys, program, folder)
        memory, core = program.look()
        found[step] = needles.found_halves(memory), needles.found_halves(core or b"")
        print(f"memory: {step:8} {describe(found[step][0])}; core dump {'not to be had' if core is None else describe(found[step][1])}")
        program.go_on()
    assert program.end() == 0, "the program failed"
    return found


def describe(counts):
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"


def main():
    program, fixtures, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    wrong = []
    for leaks in (False, True):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in COPIED:
            shutil.copy(fixtures / name, folder)
        (folder / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
        found = run([program], folder, leaks)
        for step in ("planted", "held"):
            if "root secret" not in found[step][0]:
                wrong.append(f"{step}: the search is blind")
        if "key of records" not in found["held"][0]:
            wrong.append("held: the search is blind for what sessions hold")
        for step in ("wiped", "freed"):
            left = set(found[step][0]) | set(found[step][1])
            if leaks and "root secret" not in left:
                wrong.append(f"{step}: what was left on purpose is not found")
            if not leaks and left - {"passphrase"} or not leaks and step == "freed" and left:
                wrong.append(f"{step}: {', '.join(sorted(left))}")
    sys.exit("memory: " + "; ".join(wrong) if wrong else print("memory: nothing is left of what was wiped and freed"))


main()
