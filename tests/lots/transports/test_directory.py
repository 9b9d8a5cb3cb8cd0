# SPDX-License-Identifier: Apache-2.0
import asyncio
import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.port import BadTransportName, NameTaken, Parcel, Transport, TransportFailed

NAME = "750000010-000001.b2"


def put(folder: Path, name: str, content: bytes) -> None:
    transport: Transport = DirectoryTransport(folder)
    asyncio.run(transport.put(Parcel(name, content)))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_arrives_whole_and_alone(tmp_path: Path) -> None:
    put(tmp_path, NAME, b"content")
    assert (tmp_path / NAME).read_bytes() == b"content"
    assert names(tmp_path) == {NAME}
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) & 0o137 == 0


def test_the_same_bytes_again_change_nothing(tmp_path: Path) -> None:
    put(tmp_path, NAME, b"content")
    before = (tmp_path / NAME).stat()
    put(tmp_path, NAME, b"content")
    after = (tmp_path / NAME).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("other", [b"", b"contenT", b"content and more"])
def test_other_bytes_under_a_known_name_are_refused(tmp_path: Path, other: bytes) -> None:
    put(tmp_path, NAME, b"content")
    with pytest.raises(NameTaken):
        put(tmp_path, NAME, other)
    assert (tmp_path / NAME).read_bytes() == b"content"
    assert names(tmp_path) == {NAME}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "../a", ".hidden", "a\0b", "a\n", "é", "a b", "x" * 201])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadTransportName):
        put(tmp_path, name, b"content")
    assert names(tmp_path) == set()


def test_what_stands_under_the_name_and_is_no_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"content")
    (tmp_path / "link.b2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder.b2").mkdir()
    os.mkfifo(tmp_path / "pipe.b2")
    for name in ("link.b2", "folder.b2", "pipe.b2"):
        with pytest.raises(NameTaken):
            put(tmp_path, name, b"content")
    assert names(tmp_path) == {"elsewhere", "link.b2", "folder.b2", "pipe.b2"}


def test_a_folder_that_is_not_there_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed):
        put(tmp_path / "missing", NAME, b"content")
    assert names(tmp_path) == set()


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_disk_that_fails_leaves_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(TransportFailed, match="No space left"):
            put(tmp_path, NAME, b"content")
    assert names(tmp_path) == set()
    put(tmp_path, NAME, b"content")
    assert (tmp_path / NAME).read_bytes() == b"content"


def test_the_folder_reaches_the_disk_before_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before it has its name, the folder after; and the folder again when the file was found there."""
    seen: list[str] = []

    def told(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            kind = "folder" if name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else "file"
            seen.append(f"{name} {kind}" if name == "fsync" else name)
            return work(*arguments, **keywords)

        return call

    for name in ("fsync", "rename"):
        monkeypatch.setattr(os, name, told(name, getattr(os, name)))
    put(tmp_path, NAME, b"content")
    assert seen == ["fsync file", "rename", "fsync folder"]
    seen.clear()
    put(tmp_path, NAME, b"content")
    assert seen == ["fsync folder"]


def test_two_senders_of_one_name_cannot_both_win(tmp_path: Path) -> None:
    contents = [bytes([letter]) * 200_000 for letter in b"ABCDEFGH"]

    def won_by(content: bytes) -> bool:
        try:
            put(tmp_path, NAME, content)
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(won_by, contents))
    assert won.count(True) == 1
    assert (tmp_path / NAME).read_bytes() == contents[won.index(True)]


SENDER = """
import sys
import asyncio
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.port import Parcel

async def main():
    transport = DirectoryTransport(sys.argv[1])
    content = bytes(range(256)) * 8192
    print("ready", flush=True)
    for number in range(500):  # An orphan must not fill the disk.
        await transport.put(Parcel(f"{number:06d}.b2", content))

asyncio.run(main())
"""


def test_a_killed_sender_leaves_whole_files_only_and_the_next_goes_on(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    parts = 0
    for moment in range(8):
        folder = tmp_path / str(moment)
        folder.mkdir()
        sender = subprocess.Popen([sys.executable, "-c", SENDER, str(folder)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
        assert sender.stdout is not None
        with sender.stdout as told:
            assert told.readline() == b"ready\n"
            time.sleep(0.013 + 0.0171 * moment)
            sender.send_signal(signal.SIGKILL)
        assert sender.wait(30) == -signal.SIGKILL
        left = names(folder)
        whole = sorted(name for name in left if not name.startswith("."))
        assert all((folder / name).read_bytes() == content for name in whole)
        assert len(left) - len(whole) <= 1
        parts += len(left) - len(whole)
        following = f"{len(whole):06d}.b2"
        put(folder, following, content)
        assert names(folder) == {*whole, following}
        for name in [*whole, following]:
            (folder / name).unlink()
    # A sender that was never cut inside a file would prove nothing.
    assert parts > 0
