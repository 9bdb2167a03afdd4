# SPDX-License-Identifier: MIT OR Apache-2.0
"""Headers apart from their payloads."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

import sealwax
from conftest import left
from sealwax import Keyset

CONTENT = os.urandom(300_000)


@pytest.fixture
def pair(tmp_path: Path, keyset: Keyset) -> tuple[Path, Path]:
    """A header and a payload."""
    (tmp_path / "plain").write_bytes(CONTENT)
    header, payload = tmp_path / "header.swx", tmp_path / "payload"
    assert sealwax.seal_file(tmp_path / "plain", payload, header=header, keyset=keyset) == len(CONTENT)
    return header, payload


def test_both_together_are_the_file(tmp_path: Path, keyset: Keyset, pair: tuple[Path, Path]) -> None:
    header, payload = pair
    back = tmp_path / "back"
    assert sealwax.open_file(payload, back, header=header, keyset=keyset) == len(CONTENT)
    assert back.read_bytes() == CONTENT
    assert sealwax.verify(payload, header=header, keyset=keyset)["plaintext_len"] == len(CONTENT)
    assert sealwax.open_bytes(header.read_bytes() + payload.read_bytes(), keyset=keyset) == CONTENT
    with pytest.raises(FileExistsError):
        sealwax.seal_file(tmp_path / "plain", payload, header=tmp_path / "other", keyset=keyset)
    assert left(tmp_path) == ["back", "header.swx", "payload", "plain"]


class Pipe(io.BytesIO):
    """Cannot seek."""

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_file_is_read_under_its_header(keyset: Keyset, pair: tuple[Path, Path], as_bytes: bool) -> None:
    header: Any = pair[0].read_bytes() if as_bytes else pair[0]
    with sealwax.open(pair[1], header=header, keyset=keyset) as file:
        assert file.plaintext_len == len(CONTENT)
        file.seek(200_000)
        assert file.read(7) == CONTENT[200_000:200_007]
        file.seek(0)
        assert file.read() == CONTENT
    payload = pair[1].read_bytes()
    for source in (io.BytesIO(payload), Pipe(payload)):
        with sealwax.open(source, header=header, keyset=keyset) as file:
            assert file.read() == CONTENT
    # From its position on.
    shifted = io.BytesIO(b"front" + payload)
    shifted.seek(5)
    with sealwax.open(shifted, header=header, keyset=keyset) as file:
        assert file.read() == CONTENT


def test_what_does_not_belong_together_does_not_open(tmp_path: Path, keyset: Keyset, pair: tuple[Path, Path]) -> None:
    header, payload = pair
    other, others = tmp_path / "other.swx", tmp_path / "others"
    sealwax.seal_file(tmp_path / "plain", others, header=other, keyset=keyset)
    with pytest.raises(sealwax.DecryptionError):
        sealwax.open_file(payload, tmp_path / "back", header=other, keyset=keyset)
    with pytest.raises(sealwax.DecryptionError):
        sealwax.open(payload, header=other, keyset=keyset)
    with pytest.raises(sealwax.FormatError):
        sealwax.open(payload, keyset=keyset)
    whole = header.read_bytes() + payload.read_bytes()
    for source in (payload, Pipe(payload.read_bytes())):
        with pytest.raises(sealwax.FormatError, match="4.12"):
            sealwax.open(source, header=whole, keyset=keyset)
        with pytest.raises(sealwax.TruncatedError):
            sealwax.open(source, header=header.read_bytes()[:-1], keyset=keyset)
    cut = tmp_path / "cut"
    cut.write_bytes(payload.read_bytes()[:-20])
    with pytest.raises(sealwax.SealwaxError):
        sealwax.open(cut, header=header, keyset=keyset)
    with pytest.raises(FileNotFoundError) as raised:
        sealwax.open(payload, header=tmp_path / "missing", keyset=keyset)
    assert os.fspath(raised.value.filename).endswith("missing")
    with pytest.raises(sealwax.MisuseError, match="makes no sense"):
        sealwax.open(tmp_path / "new", "wb", header=tmp_path / "h", keyset=keyset)
    with pytest.raises(TypeError):
        sealwax.open(payload, header=5, keyset=keyset)  # type: ignore[call-overload]
    assert "back" not in left(tmp_path) and "new" not in left(tmp_path)


def test_the_header_alone_is_rewrapped(keyset: Keyset, pair: tuple[Path, Path]) -> None:
    header, payload = pair
    before = payload.read_bytes()
    new = keyset.rotate()
    assert sealwax.rewrap(header, keyset=keyset)["outcome"] == "in-place"
    assert sealwax.inspect(header)["recipients"][0]["version"] == new
    assert payload.read_bytes() == before
    with sealwax.open(payload, header=header, keyset=keyset) as file:
        assert file.read() == CONTENT


def test_both_are_sealed_anew(tmp_path: Path, keyset: Keyset, pair: tuple[Path, Path]) -> None:
    header, payload = pair
    keys = {"keyset": keyset, "recipients": keyset}
    sealwax.reencrypt_file(payload, tmp_path / "whole.swx", header=header, **keys)  # type: ignore[arg-type]
    assert sealwax.open(tmp_path / "whole.swx", keyset=keyset).read() == CONTENT
    apart = {"header": header, "dst_header": tmp_path / "h2.swx"}
    sealwax.reencrypt_file(payload, tmp_path / "p2", **apart, **keys)  # type: ignore[arg-type]
    with sealwax.open(tmp_path / "p2", header=tmp_path / "h2.swx", keyset=keyset) as file:
        assert file.read() == CONTENT
    with pytest.raises(sealwax.MisuseError, match="dst_header"):
        sealwax.reencrypt_file(
            tmp_path / "whole.swx",
            tmp_path / "p3",
            dst_header=tmp_path / "h3",
            **keys,  # type: ignore[arg-type]
        )
