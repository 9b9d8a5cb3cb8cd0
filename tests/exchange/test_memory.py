# SPDX-License-Identifier: Apache-2.0
"""The memory that `fse` commands take does not grow with the input: the peak of a process of their own, as Linux tells it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.exchange.long import write_bare

ROOT = Path(__file__).parents[2]
# What the process took at most, without what the one that began it did.
CHILD = """
import sys
from desmos_fast.cli import app
try:
    app(sys.argv[1:], standalone_mode=False)
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(peak.split()[1], file=sys.stderr)
"""


def peak(*arguments: str | Path, stdin: Path | None = None, told: bytes = b"") -> int:
    """Run a command that tells no more than one fault and return the most memory that it held (KiB)."""
    command = [sys.executable, "-c", CHILD, "fse", *map(str, arguments)]
    with subprocess.Popen(["cat", str(stdin)], stdout=subprocess.PIPE) if stdin else subprocess.Popen(["true"]) as before:
        ran = subprocess.run(command, stdin=before.stdout, capture_output=True, cwd=ROOT, check=False)
    *faults, kept = ran.stderr.splitlines()
    assert (ran.returncode, ran.stdout) == (0, b""), ran.stderr[-500:]
    assert [told in fault for fault in faults] == [True] * bool(told), ran.stderr[-500:]
    return int(kept)


def insist_flat(folder: Path, small: int, large: int) -> None:
    invoices = {}
    for size in (small, large):
        invoices[size] = write_bare(folder / f"{size}.b2", size)
    peaks = {size: peak("check", folder / f"{size}.b2") for size in (small, large)}
    print(f"check: {peaks[small]} KiB for {small} bytes, {peaks[large]} KiB for {large} bytes")
    assert peaks[large] <= 1.05 * peaks[small]
    for size in (small, large):
        peaks[size] = peak("decode", folder / f"{size}.b2", "-o", folder / "out.ndjson")
        with (folder / "out.ndjson").open("rb") as lines:
            assert sum(1 for _ in lines) == invoices[size]
        (folder / "out.ndjson").unlink()
    print(f"decode: {peaks[small]} KiB for {small} bytes, {peaks[large]} KiB for {large} bytes")
    assert peaks[large] <= 1.05 * peaks[small]


@pytest.mark.timeout(120)
def test_memory_is_flat(tmp_path: Path) -> None:
    insist_flat(tmp_path, 4_000_000, 64_000_000)


@pytest.mark.timeout(120)
def test_memory_is_flat_for_a_pipe_too(tmp_path: Path) -> None:
    for size in (4_000_000, 40_000_000):
        write_bare(tmp_path / f"{size}.b2", size)
    for command in (("check", "-"), ("decode", "-", "-o", tmp_path / "out.ndjson")):
        small, large = (peak(*command, stdin=tmp_path / f"{size}.b2") for size in (4_000_000, 40_000_000))
        assert large <= 1.05 * small


def test_memory_is_flat_for_one_line_of_any_length(tmp_path: Path) -> None:
    peaks = []
    for size in (2_000_000, 100_000_000):
        path = tmp_path / "line.ndjson"
        path.write_bytes(b'{"number":' + b"1" * size)
        peaks.append(peak("encode", path, "--keep-going", "-o", tmp_path / "out.b2", told=b"has more than 1048576 bytes"))
    assert peaks[1] <= 1.05 * peaks[0]


def test_zeros_without_end_are_refused_in_flat_memory() -> None:
    script = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30,) * 2); from desmos_fast.cli import app; app()"
    with open("/dev/zero", "rb") as zeros:
        command = [sys.executable, "-c", script, "fse", "encode", "-"]
        result = subprocess.run(command, stdin=zeros, capture_output=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (1, b"")
    assert b"zero bytes" in result.stderr


@pytest.mark.fuzz
@pytest.mark.timeout(900)
def test_memory_is_flat_up_to_a_gigabyte(tmp_path: Path) -> None:
    try:
        insist_flat(tmp_path, 1_000_000, 1_000_000_000)
    finally:
        for path in tmp_path.iterdir():
            path.unlink()
