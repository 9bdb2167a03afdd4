# SPDX-License-Identifier: MIT OR Apache-2.0
"""The examples run, the documentation's too; the types hold."""

from __future__ import annotations

import asyncio
import doctest
import importlib.util
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sealwax
import sealwax._files
from conftest import ROOT
from sealwax import transit

HERE = Path(__file__).resolve().parents[1]
EXAMPLES = HERE / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # SQLAlchemy looks there for what annotations name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_export(tmp_path: Path) -> None:
    assert example("export").main(tmp_path) == [{"name": "Ada", "amount": "42"}]


def test_asyncio_jobs(tmp_path: Path) -> None:
    assert asyncio.run(example("asyncio_jobs").main(tmp_path)) == [100_000] * 3


def test_parquet_columns(tmp_path: Path) -> None:
    assert example("parquet_columns").main(tmp_path) == (["Ada", "Grace"], 3)


def test_encrypted_column() -> None:
    column = example("encrypted_column")
    assert column.main() == ("4111 1111 1111 1111", 1)
    # A token that is moved to another row does not open there.
    one, other = column.Customer("one", "1"), column.Customer("other", "2")
    one.card_token = other.card_token
    with pytest.raises(sealwax.DecryptionError):
        one.card  # noqa: B018


def test_every_example_is_tested() -> None:
    tested = {"export", "asyncio_jobs", "parquet_columns", "encrypted_column"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested


@pytest.mark.parametrize("module", [sealwax, sealwax._files])
def test_examples_in_documentation(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 2 and results.failed == 0


def programs(page: Path) -> list[str]:
    """The Python in a page."""
    return [part.split("```")[0] for part in page.read_text(encoding="utf-8").split("```python\n")[1:]]


@pytest.mark.parametrize("page", [HERE / "README.md", ROOT / "README.md"])
def test_the_readme_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    [program] = programs(page)
    exec(compile(program, page.name, "exec"), {})
    assert capsys.readouterr().out == "name,amount\nAda,42\n\n"


def test_what_the_page_shows_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, one after the other; the peer that it connects to is in a thread here."""
    monkeypatch.chdir(tmp_path)
    me, peer = (sealwax.Keyset.generate(name, "x25519") for name in ("me", "db1"))
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(socket, "create_connection", lambda address: ours)

    def answer() -> None:
        with transit.accept(theirs, identity=peer, peers=[me.recipient()]) as connection:
            connection.sendall(connection.recv(4096).upper())

    thread = threading.Thread(target=answer)
    thread.start()
    names: dict[str, Any] = {"socket": socket, "me": me, "db1": peer.recipient()}
    for program in programs(ROOT / "docs" / "python.md"):
        exec(compile(program, "docs/python.md", "exec"), names)
    thread.join()
    assert names["answer"] == b"HELLO"
    ours.close()
    theirs.close()


def run(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=HERE / "tests", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_stubs_are_those_of_the_module() -> None:
    config = ("--mypy-config-file", str(HERE / "pyproject.toml"))
    run("-m", "mypy.stubtest", "sealwax", *config, "--allowlist", str(HERE / "tests" / "stubtest.allow"))


def test_the_types_hold() -> None:
    config = ("--strict", "--config-file", str(HERE / "pyproject.toml"))
    sources = sorted(map(str, EXAMPLES.glob("*.py")))
    run("-m", "mypy", *config, *sources)
    run("-m", "mypy", *config, "-p", "sealwax")


def test_every_error_has_its_exception() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for error in sealwax.SealwaxError.__subclasses__():
        assert f"`{error.__name__}`" in page
