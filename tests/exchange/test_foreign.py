# SPDX-License-Identifier: Apache-2.0
"""Input given by mistake: one fault that says what it looks like, at once, whatever the size."""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from desmos_fast.exchange.codec import check, check_stream
from tests.exchange.files import ANSWERS, FILES, GOLDEN, RUNS, file, name, run
from tests.exchange.test_stream import Pipe
from tests.oracle import reader

ROOT = Path(__file__).parents[2]
CLAIMS = file("file1")


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("claims.b2", CLAIMS)
    return out.getvalue()


FOREIGN: dict[str, tuple[bytes, str]] = {
    "gzip": (gzip.compress(CLAIMS, mtime=0), "gunzip"),
    "zip": (zipped(), "zip archive"),
    "bzip2": (bz2.compress(CLAIMS), "bunzip2"),
    "xz": (lzma.compress(CLAIMS), "unxz"),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + CLAIMS, "byte order mark"),
    "UTF-16": (CLAIMS.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 big": (b"\xfe\xff" + CLAIMS.decode().encode("utf-16-be"), "UTF-16"),
    "UTF-16 without a mark": (CLAIMS.decode().encode("utf-16-le"), "UTF-16"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + random.Random(1).randbytes(9000), "PDF"),
    "ELF": (Path(sys.executable).read_bytes()[:50_000], "a program"),
    "random bytes": (random.Random(2).randbytes(5000), "binary data"),
    "zeros": (bytes(5000), "zero bytes"),
    "JSON": (b'{"number": 1}\n', "fse encode"),
    "one letter": (b"A" * 100_000, "none of the first 512 records has 128 bytes and a known type"),
    "small letters": (b"x" * 2000, "none of the first 15 records"),
    "prose": (b"Madame, Monsieur,\r\n" * 8, "none of the first 8 records"),
    "wider records": (CLAIMS.replace(b"\n", b" \n"), "and a known type"),
    "one long line after another": (b"".join(b"Z" * 5000 + b"\n" for _ in range(30)), "none of the first 13 records"),
    "XML": (b"<?xml version='1.0'?>\n<a/>\n", "XML"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_exchange_file_gives_one_fault_that_says_so(kind: str) -> None:
    data, said = FOREIGN[kind]
    for faults in (check(data), check_stream(io.BytesIO(data), block=100), check_stream(Pipe(data, 50))):
        assert [(fault.record, fault.offset) for fault in faults] == [(1, 0)]
        assert said in faults[0].message
        assert [(fault.code, fault.record, fault.field or "") for fault in faults] == reader.check(data)


@pytest.mark.parametrize("path", [*RUNS, *FILES, *ANSWERS], ids=name)
def test_a_file_of_records_is_never_taken_for_something_else(path: Path) -> None:
    """A few strange bytes at its beginning are faults of its records."""
    data = path.read_bytes()
    for beginning in (b"\x00" * 20, b"\xff", b"\xe9" * 30, b"\x1f", b"P", b"B"):
        faults = check(beginning + data[len(beginning) :])
        assert faults
        assert not faults[0].message.startswith("this looks like")


def test_one_record_with_a_type_makes_all_of_them_records() -> None:
    """Whatever the damage, what is whole is read: a type that is told, or one that is refused by name."""
    later = (GOLDEN / "bad" / "b15_later_record.b2").read_bytes().splitlines(keepends=True)
    unread = next(row for row in later if check(row)[0].code == "B2_UNSUPPORTED_RECORD")
    lost = b"X" * 128 + b"\n"
    for typed in (run(1).partition(b"\n")[0] + b"\n", unread):
        for before in (0, 1, 7, 8, 300, 507):
            for data in (lost * before + typed + lost * 600, (lost * before + typed + lost * 600).replace(b"\n", b"")):
                faults = check(data, max_faults=10_000)
                assert Counter(fault.code for fault in faults)["B2_UNKNOWN_RECORD"] == before + 600
                assert faults == check_stream(io.BytesIO(data), block=1000, max_faults=10_000)
    assert [fault.code for fault in check(lost * 508 + typed)] == ["B2_UNKNOWN_RECORD"]
    assert len(check(lost * 7)) == 7 and len(check(lost * 8)) == 1
    assert len(check(lost * 7 + lost[:40])) == 8


def test_what_is_short_is_told_as_records() -> None:
    for data in (b"\x00", b"\x00\x00\n", b"\xe9" * 100):
        assert [fault.message for fault in check(data)][:1] == ["the record has another length than 128 bytes"]


def sparse(path: Path, before: bytes, size: int) -> Path:
    with path.open("wb") as out:
        out.write(before)
        os.truncate(out.fileno(), size)
    return path


@pytest.mark.parametrize("command", ["check", "decode"])
def test_two_gigabytes_of_zeros_are_refused_at_once(tmp_path: Path, command: str) -> None:
    zeros = sparse(tmp_path / "zeros.b2", b"", 2 << 30)
    start = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-m", "desmos_fast.cli", "fse", command, str(zeros)], capture_output=True, cwd=ROOT, check=False, timeout=60
    )
    assert time.monotonic() - start < 30
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert [json.loads(line)["code"] for line in ran.stderr.splitlines()] == ["B2_BAD_CHAR"]


@pytest.mark.fuzz
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lines", [True, False])
def test_two_gigabytes_of_zeros_after_a_sound_beginning(tmp_path: Path, lines: bool) -> None:
    """With lines they are one record of another length; without, each record of them has a character that is none."""
    records = run(1).replace(b"\n", b"\n" if lines else b"") * 200
    hollow = sparse(tmp_path / "hollow.b2", records, 2 << 30)
    with hollow.open("rb") as source:
        faults = check_stream(source, max_faults=3)
    assert faults[0].code == ("B2_BAD_LENGTH" if lines else "B2_BAD_CHAR")
    assert len(faults) <= 3 * 6
