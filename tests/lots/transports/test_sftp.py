# SPDX-License-Identifier: Apache-2.0
"""SFTP, against an SSH server on a port of this machine."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from desmos_fast.lots.recipients.model import Sftp
from desmos_fast.lots.transports.port import NameTaken, Parcel, PeerUntrusted, TransportFailed
from desmos_fast.lots.transports.sftp import SftpTransport

PARCEL = Parcel("750000010-000001.b2", bytes(range(256)) * 4000)


class Keys:
    """The key of the server and that of the account, in files."""

    def __init__(self, folder: Path) -> None:
        self.server, self.account = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        self.host_key_file, self.key_file = folder / "server.pub", folder / "account"
        self.server.write_public_key(self.host_key_file)
        self.key_file.touch(mode=0o600)
        self.account.write_private_key(self.key_file)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Give keys of both sides."""
    return Keys(tmp_path)


class Files(asyncssh.SFTPServer):
    """The server of one folder."""


@asynccontextmanager
async def listening(keys: Keys, folder: Path, files: type[asyncssh.SFTPServer] = Files) -> AsyncIterator[int]:
    """Serve a folder to the account alone; give the port."""

    def start(channel: "asyncssh.SSHServerChannel[bytes]") -> asyncssh.SFTPServer:
        return files(channel, chroot=os.fsencode(folder))

    known = asyncssh.import_authorized_keys(keys.account.export_public_key().decode())
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[keys.server], authorized_client_keys=known, sftp_factory=start, password_auth=False
    )
    try:
        yield server.get_port()
    finally:
        server.close()
        await server.wait_closed()


def transport(keys: Keys, port: int, timeout_s: float = 20.0) -> SftpTransport:
    files = {"host_key_file": str(keys.host_key_file), "key_file": str(keys.key_file)}
    return SftpTransport(Sftp(host="127.0.0.1", port=port, user="desmos", timeout_s=timeout_s, **files))


async def test_a_file_arrives_whole_and_once(keys: Keys, folder: Path) -> None:
    async with listening(keys, folder) as port:
        sender = transport(keys, port)
        await sender.put(PARCEL)
        first = (folder / PARCEL.name).stat()
        await sender.put(PARCEL)
    assert os.listdir(folder) == [PARCEL.name] and (folder / PARCEL.name).read_bytes() == PARCEL.content
    assert (folder / PARCEL.name).stat().st_ino == first.st_ino
    assert stat.S_IMODE(first.st_mode) & 0o137 == 0


@pytest.mark.parametrize("other", [b"", b"other", PARCEL.content + b"more", PARCEL.content[:-1]])
async def test_other_bytes_under_a_known_name_are_a_conflict(keys: Keys, folder: Path, other: bytes) -> None:
    async with listening(keys, folder) as port:
        sender = transport(keys, port)
        await sender.put(Parcel(PARCEL.name, other))
        with pytest.raises(NameTaken):
            await sender.put(PARCEL)
    assert os.listdir(folder) == [PARCEL.name] and (folder / PARCEL.name).read_bytes() == other


async def test_a_server_with_another_key_is_given_nothing(keys: Keys, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Keys(tmp_path / "other")
    keys.server = other.server
    async with listening(keys, folder) as port:
        with pytest.raises(PeerUntrusted, match="its key is not that of"):
            await transport(keys, port).put(PARCEL)
    assert os.listdir(folder) == []


async def test_an_account_with_another_key_is_not_let_in(keys: Keys, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    keys.account = Keys(tmp_path / "other").account
    async with listening(keys, folder) as port:
        with pytest.raises(TransportFailed, match="PermissionDenied"):
            await transport(keys, port).put(PARCEL)
    assert os.listdir(folder) == []


async def test_what_was_cut_is_uploaded_again_from_its_beginning(keys: Keys, folder: Path) -> None:
    class Cutting(Files):
        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            super().write(file_obj, offset, data[: len(data) // 2])
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("cut")

    async with listening(keys, folder, Cutting) as port:
        with pytest.raises(TransportFailed):
            await transport(keys, port).put(PARCEL)
    (left,) = os.listdir(folder)
    assert 0 < (folder / left).stat().st_size < len(PARCEL.content)
    assert left.startswith(f".{PARCEL.name}.") and left.endswith(".part"), "nothing under its own name"
    (folder / ".another.b2.0000.part").write_bytes(b"of another sender")
    async with listening(keys, folder) as port:
        await transport(keys, port).put(PARCEL)
    assert sorted(os.listdir(folder)) == [".another.b2.0000.part", PARCEL.name]
    assert (folder / PARCEL.name).read_bytes() == PARCEL.content


async def test_a_server_that_cannot_flush_will_do(keys: Keys, folder: Path) -> None:
    class Simple(Files):
        def fsync(self, file_obj: object) -> None:
            raise asyncssh.SFTPOpUnsupported("none")

    async with listening(keys, folder, Simple) as port:
        await transport(keys, port).put(PARCEL)
    assert (folder / PARCEL.name).read_bytes() == PARCEL.content


async def test_two_senders_of_one_name_cannot_both_win(keys: Keys, folder: Path) -> None:
    contents = [bytes([letter]) * 200_000 for letter in b"ABCDEF"]
    async with listening(keys, folder) as port:
        done = await asyncio.gather(
            *(transport(keys, port).put(Parcel(PARCEL.name, content)) for content in contents), return_exceptions=True
        )
    won = [content for content, error in zip(contents, done, strict=True) if error is None]
    assert len(won) == 1 and (folder / PARCEL.name).read_bytes() == won[0]
    assert {type(error) for error in done if error is not None} <= {NameTaken, TransportFailed}


async def test_a_folder_that_is_not_there_is_no_success(keys: Keys, folder: Path) -> None:
    async with listening(keys, folder) as port:
        sender = transport(keys, port)
        sender.way = Sftp(**{name: getattr(sender.way, name) for name in Sftp.__struct_fields__} | {"folder": "missing"})
        with pytest.raises(TransportFailed, match="SFTPNoSuchFile"):
            await sender.put(PARCEL)
    assert os.listdir(folder) == []


async def test_a_server_that_does_not_answer_is_not_waited_for_long(keys: Keys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TransportFailed, match="TimeoutError"):
        await transport(keys, silent.getsockname()[1], timeout_s=1.0).put(PARCEL)
