# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sealed files under what people use files with: the real libraries, and no stand-ins."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import lzma
import os
import pickle
import shutil
import sqlite3
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import numpy
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.fs
import pyarrow.parquet
import pyarrow.parquet.encryption as pe
import pytest

import sealwax
import sealwax.parquet
from conftest import left
from sealwax import Keyset
from sealwax.fsspec import SealedFileSystem

FRAME = pandas.DataFrame({"number": range(1000), "text": [f"row {n}" for n in range(1000)]})


def test_csv(keyset: Keyset, tmp_path: Path) -> None:
    rows = [["a", "b,c", 'd"e'], ["1", "two\nlines", "ü"]]
    with sealwax.open(tmp_path / "file", "wt", keyset=keyset, newline="") as file:
        csv.writer(file).writerows(rows)
    with sealwax.open(tmp_path / "file", "rt", keyset=keyset, newline="") as file:
        assert list(csv.reader(file)) == rows


def test_json_and_pickle(keyset: Keyset, tmp_path: Path) -> None:
    thing = {"a": [1, 2.5, None, "ü"], "b": {"c": "d" * 100_000}}
    with sealwax.open(tmp_path / "json", "wt", keyset=keyset) as file:
        json.dump(thing, file)
    with sealwax.open(tmp_path / "json", "rt", keyset=keyset) as file:
        assert json.load(file) == thing
    with sealwax.open(tmp_path / "pickle", "wb", keyset=keyset) as file:
        pickle.dump(thing, file)
        pickle.dump(numpy.arange(100_000), file, protocol=5)
    with sealwax.open(tmp_path / "pickle", "rb", keyset=keyset) as file:
        assert pickle.load(file) == thing
        assert pickle.load(file).sum() == 4999950000
        with pytest.raises(EOFError):
            pickle.load(file)


def test_a_cut_file_is_not_taken_for_the_end_of_a_pickle(keyset: Keyset) -> None:
    sealed = io.BytesIO()
    with sealwax.open(sealed, "wb", keyset=keyset) as file:
        for _ in range(10):
            pickle.dump(bytes(10_000), file)
    cut = sealed.getvalue()[:-5000]

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(sealwax.SealwaxError):
        with sealwax.open(Pipe(cut), "rb", keyset=keyset) as file:
            while True:
                try:
                    pickle.load(file)
                except EOFError:
                    break


@pytest.mark.parametrize("module", [gzip, lzma])
def test_compression(keyset: Keyset, tmp_path: Path, module: Any) -> None:
    content = b"content " * 100_000
    with sealwax.open(tmp_path / "file", "wb", keyset=keyset) as file, module.open(file, "wb") as packed:
        packed.write(content)
    assert (tmp_path / "file").stat().st_size < 50_000
    with sealwax.open(tmp_path / "file", "rb", keyset=keyset) as file, module.open(file, "rb") as packed:
        packed.seek(800)
        assert packed.read() == content[800:]


def test_zipfile_and_tarfile(keyset: Keyset, tmp_path: Path) -> None:
    content = {f"name {n}": bytes([n]) * n * 10_000 for n in range(1, 6)}
    with sealwax.open(tmp_path / "zip", "wb", keyset=keyset) as file, zipfile.ZipFile(file, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with sealwax.open(tmp_path / "zip", "rb", keyset=keyset) as file, zipfile.ZipFile(file) as archive:
        assert {name: archive.read(name) for name in reversed(archive.namelist())} == content
        assert archive.testzip() is None
    for mode in ("w", "w:gz", "w|"):
        with (
            sealwax.open(tmp_path / "tar", "wb", keyset=keyset) as file,
            tarfile.open(fileobj=file, mode=mode) as archive,  # type: ignore[call-overload]
        ):
            for name, data in content.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        with sealwax.open(tmp_path / "tar", "rb", keyset=keyset) as file, tarfile.open(fileobj=file) as archive:
            for name, data in content.items():
                entry_file = archive.extractfile(name)
                assert entry_file is not None and entry_file.read() == data


def test_an_archive_given_up_leaves_nothing(keyset: Keyset, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        with sealwax.open(tmp_path / "zip", "wb", keyset=keyset) as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr("name", b"content")
            raise RuntimeError
    assert left(tmp_path) == []


def test_a_backup_of_sqlite(keyset: Keyset, tmp_path: Path) -> None:
    source = sqlite3.connect(tmp_path / "live")
    source.execute("create table t (n)")
    source.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    source.commit()
    copy = sqlite3.connect(tmp_path / "copy")
    source.backup(copy)
    copy.close()
    source.close()
    sealwax.seal_file(tmp_path / "copy", tmp_path / "copy.swx", keyset=keyset)
    sealwax.open_file(tmp_path / "copy.swx", tmp_path / "back", keyset=keyset)
    back = sqlite3.connect(tmp_path / "back")
    assert back.execute("select sum(n) from t").fetchone() == (499500,)
    back.close()


def test_shutil(keyset: Keyset, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    with sealwax.open(tmp_path / "file", "wb", keyset=keyset) as file:
        shutil.copyfileobj(io.BytesIO(content), file)
    target = io.BytesIO()
    with sealwax.open(tmp_path / "file", "rb", keyset=keyset) as file:
        shutil.copyfileobj(file, target)
    assert target.getvalue() == content


@pytest.mark.parametrize("mode", ["wb", "wt"])
def test_pandas_csv(keyset: Keyset, tmp_path: Path, mode: str) -> None:
    with sealwax.open(tmp_path / "csv", mode, keyset=keyset, **({"newline": ""} if mode == "wt" else {})) as file:
        FRAME.to_csv(file, index=False)
        assert not file.closed
    with sealwax.open(tmp_path / "csv", "rb", keyset=keyset) as file:
        pandas.testing.assert_frame_equal(pandas.read_csv(file), FRAME)


def test_pandas_parquet_and_pickle(keyset: Keyset, tmp_path: Path) -> None:
    with sealwax.open(tmp_path / "parquet", "wb", keyset=keyset) as file:
        FRAME.to_parquet(file)
    with sealwax.open(tmp_path / "parquet", "rb", keyset=keyset) as file:
        pandas.testing.assert_frame_equal(pandas.read_parquet(file), FRAME)
    with sealwax.open(tmp_path / "pickle", "wb", keyset=keyset) as file:
        FRAME.to_pickle(file)
    with sealwax.open(tmp_path / "pickle", "rb", keyset=keyset) as file:
        pandas.testing.assert_frame_equal(pandas.read_pickle(file), FRAME)


def test_polars(keyset: Keyset, tmp_path: Path) -> None:
    frame = polars.DataFrame({"number": range(1000), "text": [f"row {n}" for n in range(1000)]})
    for name in ("csv", "parquet", "ipc"):
        with sealwax.open(tmp_path / name, "wb", keyset=keyset) as file:
            getattr(frame, f"write_{name}")(file)
        with sealwax.open(tmp_path / name, "rb", keyset=keyset) as file:
            assert getattr(polars, f"read_{name}")(file).equals(frame)


def test_pyarrow(keyset: Keyset, tmp_path: Path) -> None:
    table = pyarrow.Table.from_pandas(FRAME, preserve_index=False)
    with sealwax.open(tmp_path / "parquet", "wb", keyset=keyset) as file:
        pyarrow.parquet.write_table(table, file, row_group_size=100)
    with sealwax.open(tmp_path / "parquet", "rb", keyset=keyset) as file:
        parquet = pyarrow.parquet.ParquetFile(file)
        assert parquet.read_row_group(7, columns=["number"])["number"].to_pylist() == list(range(700, 800))
        assert parquet.read().equals(table)
    with sealwax.open(tmp_path / "feather", "wb", keyset=keyset) as file:
        pyarrow.feather.write_feather(table, file)
    with sealwax.open(tmp_path / "feather", "rb", keyset=keyset) as file:
        assert pyarrow.feather.read_table(file).equals(table)
    with sealwax.open(tmp_path / "csv", "wb", keyset=keyset) as file:
        pyarrow.csv.write_csv(table, file)
    with sealwax.open(tmp_path / "csv", "rb", keyset=keyset) as file:
        assert pyarrow.csv.read_csv(file).to_pydict() == table.to_pydict()


def test_two_columns_of_many_are_a_small_part_of_a_file(keyset: Keyset, tmp_path: Path) -> None:
    columns = {f"c{n}": numpy.random.default_rng(n).random(20_000) for n in range(50)}
    path = tmp_path / "wide"
    with sealwax.open(path, "wb", keyset=keyset) as file:
        pandas.DataFrame(columns).to_parquet(file)

    class Counting(io.FileIO):
        count = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(-1 if size is None else size)
            self.count += len(data or b"")
            return data or b""

    with Counting(path) as source, sealwax.open(source, "rb", keyset=keyset) as file:
        frame = pandas.read_parquet(file, columns=["c7", "c31"])
        assert source.count < path.stat().st_size // 10
    assert frame["c31"].equals(pandas.Series(columns["c31"], name="c31"))


@pytest.fixture
def options(keyset: Keyset) -> dict[str, Any]:
    return {"keyset": keyset, "context": {"what": "frame"}}


@pytest.mark.parametrize("place", ["file", "memory"])
def test_fsspec_in_front_of_others(tmp_path: Path, options: dict[str, Any], place: str) -> None:
    url = f"sealwax::{place}://{tmp_path}/frame.parquet.swx"
    FRAME.to_parquet(url, storage_options=options)
    pandas.testing.assert_frame_equal(pandas.read_parquet(url, storage_options=options), FRAME)
    two = pandas.read_parquet(url, columns=["number"], storage_options={"sealwax": options})
    assert list(two) == ["number"]
    FRAME.to_csv(url + ".csv", index=False, storage_options=options)
    pandas.testing.assert_frame_equal(pandas.read_csv(url + ".csv", storage_options=options), FRAME)
    with fsspec.open(url, "rb", **options) as file:
        assert isinstance(file, sealwax.SealedReader)
        assert file.read(4) == b"PAR1"
    with pytest.raises(sealwax.DecryptionError):
        pandas.read_parquet(url, storage_options=options | {"context": {"what": "else"}})
    fs, path = fsspec.url_to_fs(url, **options)
    assert isinstance(fs, SealedFileSystem)
    assert fs.exists(path) and fs.isfile(path) and not fs.isdir(path)
    info = fs.info(path)
    assert info["size"] == len(fs.cat_file(path)) < info["sealed_size"]
    assert fs.cat_file(path, 4, 10) == fs.cat_file(path)[4:10]
    fs.pipe_file(path + ".small", b"small")
    assert {Path(name).name for name in fs.ls(fs._parent(path), detail=False)} >= {Path(path).name}
    fs.cp_file(path + ".small", path + ".copy")
    fs.mv(path + ".copy", path + ".moved")
    assert fs.cat_file(path + ".moved") == b"small"
    assert {entry["size"] for entry in fs.ls(fs._parent(path)) if "small" in entry["name"]} == {5}
    fs.rm(path + ".moved")
    assert not fs.exists(path + ".moved")


def test_fsspec_that_is_given_up_leaves_what_was_there(tmp_path: Path, options: dict[str, Any]) -> None:
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    path = str(tmp_path / "file")
    fs.pipe_file(path, b"older")
    for _ in range(2):
        with pytest.raises(RuntimeError):
            with fs.open(path, "wb") as file:
                file.write(bytes(1_000_000))
                raise RuntimeError
    with pytest.raises(RuntimeError):
        with fs.transaction:
            with fs.open(path, "wb") as file:
                file.write(b"newer")
            raise RuntimeError
    assert fs.cat_file(path) == b"older"
    with fs.transaction:
        with fs.open(path, "wb") as file:
            file.write(b"newer")
        assert fs.cat_file(path) == b"older"
    assert fs.cat_file(path) == b"newer"
    assert left(tmp_path) == ["file"]
    with fs.open(str(tmp_path / "text"), "wt") as text:
        text.write("ü")
    with fs.open(str(tmp_path / "text"), "rt") as text:
        assert text.read() == "ü"


@pytest.mark.parametrize("how", ["wb", "wt", "compressed", "text of ours"])
def test_an_exception_under_fsspec_leaves_what_was_there(tmp_path: Path, options: dict[str, Any], how: str) -> None:
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    path = str(tmp_path / "file")
    fs.pipe_file(path, b"older")
    url = f"sealwax::file://{path}"
    if how == "text of ours":
        with pytest.raises(ZeroDivisionError):
            with fs.open(path, "wt") as text:
                text.write("half")
                raise ZeroDivisionError
    else:
        mode, compression = ("wt", None) if how == "wt" else ("wb", "gzip" if how == "compressed" else None)
        with pytest.warns(RuntimeWarning, match="not made"), pytest.raises(ZeroDivisionError):
            with fsspec.open(url, mode, compression=compression, sealwax=options) as file:
                file.write("half" if mode == "wt" else b"half")
                raise ZeroDivisionError
    assert fs.cat_file(path) == b"older"
    assert left(tmp_path) == ["file"]
    with fsspec.open(url, "wt", sealwax=options) as file:
        file.write("whole")
    assert fs.cat_file(path) == b"whole"


def test_a_file_opened_after_an_exception_is_finished_by_close(tmp_path: Path, options: dict[str, Any]) -> None:
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        file = fs.open(str(tmp_path / "file"), "wb")
        file.write(b"whole")
        file.close()
    assert fs.cat_file(str(tmp_path / "file")) == b"whole"


def test_fsspec_does_not_compress_what_it_would_not_finish(tmp_path: Path, options: dict[str, Any]) -> None:
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    path = str(tmp_path / "file.gz")
    for compression in ("gzip", "infer"):
        for mode in ("wb", "wt"):
            with pytest.raises(sealwax.MisuseError, match="compress"):
                fs.open(path, mode, compression=compression)
    assert left(tmp_path) == []
    with fs.open(path, "wb") as file, gzip.open(file, "wb") as packed:
        packed.write(b"content")
    with fs.open(path, "rb", compression="infer") as unpacked:
        assert unpacked.read() == b"content"
    with fsspec.open(f"sealwax::file://{path}", "wb", compression="gzip", sealwax=options) as file:
        file.write(b"other")
    with fs.open(path, "rb", compression="gzip") as unpacked:
        assert unpacked.read() == b"other"
    with fs.open(str(tmp_path / "plain"), "wb", compression="infer") as file:
        file.write(b"plain")
    assert fs.cat_file(str(tmp_path / "plain")) == b"plain"


def test_transactions_of_fsspec_commit_what_is_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    given_up, whole = str(tmp_path / "given up"), str(tmp_path / "whole")
    fs.pipe_file(given_up, b"older")
    with pytest.raises(ZeroDivisionError):
        with fs.transaction, fs.open(given_up, "wb"):
            raise ZeroDivisionError
    with fs.transaction:
        with pytest.raises(ZeroDivisionError):
            with fs.open(given_up, "wb"):
                raise ZeroDivisionError
        with fs.open(whole, "wb") as file:
            file.write(b"whole")
    assert fs.cat_file(whole) == b"whole"
    unfinished = None
    with pytest.raises(sealwax.MisuseError, match="not closed"):
        with fs.transaction:
            unfinished = fs.open(given_up, "wb")
            unfinished.write(b"half")
    assert unfinished is not None and unfinished.closed
    assert fs.cat_file(given_up) == b"older"
    assert left(tmp_path) == ["given up", "whole"]


class FullTarget(io.BytesIO):
    discarded = 0

    def write(self, data: Any) -> int:
        if self.tell():
            raise OSError(28, "full")
        return super().write(data)

    def discard(self) -> None:
        self.discarded += 1


def test_a_failing_close_of_fsspec_says_why_and_discards_once(keyset: Keyset) -> None:
    target = FullTarget()

    class Full(fsspec.AbstractFileSystem):  # type: ignore[misc]
        protocol = "full"
        cachable = False

        def _open(self, path: str, mode: str = "rb", **keywords: Any) -> Any:
            return target

    file = SealedFileSystem(Full(), keyset=keyset).open("x", "wb")
    file.write(bytes(1000))
    with pytest.raises(OSError, match="full"):
        file.close()
    assert target.discarded == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_leaves_the_file_of_fsspec_alone(tmp_path: Path, options: dict[str, Any]) -> None:
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    path = str(tmp_path / "file")
    with fs.open(path, "wb") as file:
        file.write(b"parent")
        child = os.fork()
        if child == 0:
            file.__exit__(SystemExit, SystemExit(), None)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    assert fs.cat_file(path) == b"parent"


def test_a_file_dropped_under_warnings_as_errors_is_discarded(keyset: Keyset) -> None:
    fs = SealedFileSystem(fsspec.filesystem("memory"), keyset=keyset)
    discarded: list[int] = []
    file = fs.open("/dropped", "wb")
    file._target.discard = lambda: discarded.append(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with pytest.raises(ResourceWarning):
            file.__del__()
    assert file.closed and discarded == [1]


def test_a_file_that_cannot_be_read_does_not_hide_its_folder(keyset: Keyset) -> None:
    behind = fsspec.filesystem("memory", skip_instance_cache=True)
    fs = SealedFileSystem(behind, keyset=keyset)
    fs.pipe_file("/folder/one", b"content")
    read = behind.cat_file

    def refuse(path: str, *range: int) -> Any:
        if path.endswith("two"):
            raise PermissionError(13, "Permission denied", path)
        return read(path, *range)

    behind.pipe_file("/folder/two", b"anything")
    behind.cat_file = refuse
    assert {entry["name"]: entry["size"] for entry in fs.ls("/folder")} == {"/folder/one": 7, "/folder/two": 8}
    with pytest.raises(PermissionError):
        fs.info("/folder/two")


def test_fsspec_shows_no_passphrase() -> None:
    fs = SealedFileSystem(target_protocol="memory", passphrase="hunter2")
    assert "hunter2" not in repr(fs) + repr(fs.storage_options) + str(fs.storage_args)
    for show in (fs.to_json, fs.to_dict):
        with pytest.raises(TypeError, match="keys"):
            show()
    again = SealedFileSystem(target_protocol="memory", passphrase="hunter2")
    assert fs == fs and hash(fs) == hash(fs)
    assert fs != again, "no hash of the passphrase tells what is the same"


def test_fsspec_misuse(tmp_path: Path, options: dict[str, Any], keyset: Keyset) -> None:
    with pytest.raises(sealwax.MisuseError):
        SealedFileSystem(keyset=keyset)
    with pytest.raises(sealwax.MisuseError):
        SealedFileSystem(fsspec.filesystem("memory"), nothing=1)
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    with pytest.raises(sealwax.MisuseError):
        fs.open(str(tmp_path / "file"), "ab")
    with pytest.raises(FileNotFoundError):
        fs.open(str(tmp_path / "missing"), "rb")
    (tmp_path / "plain").write_bytes(b"plain")
    with pytest.raises(sealwax.FormatError):
        fs.open(str(tmp_path / "plain"), "rb")
    fs.pipe_file(str(tmp_path / "x"), b"")
    with pytest.raises(FileExistsError):
        fs.open(str(tmp_path / "x"), "xb")
    with pytest.raises(TypeError):
        pickle.dumps(fs)


def test_a_dataset_of_pyarrow_behind_fsspec(tmp_path: Path, options: dict[str, Any]) -> None:
    fs = SealedFileSystem(fsspec.filesystem("file"), **options)
    table = pyarrow.Table.from_pandas(FRAME, preserve_index=False)
    pyarrow.dataset.write_dataset(
        table, str(tmp_path / "set"), format="parquet", filesystem=fs, max_rows_per_file=300, max_rows_per_group=300
    )
    dataset = pyarrow.dataset.dataset(str(tmp_path / "set"), filesystem=fs, format="parquet")
    assert len(dataset.files) == 4
    found = dataset.to_table(filter=pyarrow.dataset.field("number") > 990)
    assert sorted(found["number"].to_pylist()) == list(range(991, 1000))


def encrypted(factory: pe.CryptoFactory, path: Path, **more: Any) -> None:
    encryption = pe.EncryptionConfiguration(footer_key="footer", column_keys={"column": ["number"]}, **more)
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), encryption)
    table = pyarrow.Table.from_pandas(FRAME, preserve_index=False)
    pyarrow.parquet.write_table(table, path, encryption_properties=properties)


def decrypted(factory: pe.CryptoFactory, path: Path) -> Any:
    properties = factory.file_decryption_properties(pe.KmsConnectionConfig())
    return pyarrow.parquet.ParquetFile(path, decryption_properties=properties).read()


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_parquets_own_encryption(tmp_path: Path, keyset: Keyset, double: bool, plaintext_footer: bool) -> None:
    path = tmp_path / "parquet"
    factory = sealwax.parquet.crypto_factory(keyset)
    encrypted(factory, path, double_wrapping=double, plaintext_footer=plaintext_footer)
    before = keyset.primary
    keyset.rotate()
    assert keyset.primary != before
    assert decrypted(factory, path)["number"].to_pylist() == list(range(1000))
    with pytest.raises(Exception, match="no matching key"):
        decrypted(sealwax.parquet.crypto_factory(Keyset.generate("other")), path)


def test_parquets_keys_by_name(tmp_path: Path) -> None:
    keysets = {"footer": Keyset.generate("footer"), "column": Keyset.generate("column")}
    path = tmp_path / "parquet"
    encrypted(sealwax.parquet.crypto_factory(keysets), path)
    assert decrypted(sealwax.parquet.crypto_factory(keysets), path).num_rows == 1000
    with pytest.raises(Exception, match="no keyset for the master key"):
        decrypted(sealwax.parquet.crypto_factory({"footer": keysets["footer"]}), path)
    kms = sealwax.parquet.KeysetKms(keysets)
    wrapped = kms.wrap_key(bytes(16), "column")
    assert kms.unwrap_key(wrapped, "column") == bytes(16)
    with pytest.raises(sealwax.UnknownKeyError):
        kms.unwrap_key(wrapped, "footer")
    keysets["footer"] = keysets["column"]
    with pytest.raises(sealwax.DecryptionError):
        kms.unwrap_key(wrapped, "footer")
    with pytest.raises(sealwax.FormatError):
        kms.unwrap_key("not base64!", "column")
    with pytest.raises(sealwax.FormatError):
        kms.unwrap_key(base64.urlsafe_b64encode(b"no token"), "column")
