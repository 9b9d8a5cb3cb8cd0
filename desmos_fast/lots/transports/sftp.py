# SPDX-License-Identifier: Apache-2.0
"""SFTP: each file under a temporary name, then renamed; the server's key is known before, the login is by key."""

import asyncio
import contextlib
import secrets
from pathlib import PurePosixPath
from typing import Final

import asyncssh

from desmos_fast.lots.recipients.model import Sftp
from desmos_fast.lots.transports import keys
from desmos_fast.lots.transports.port import CONNECT_S, NameTaken, Parcel, PeerUntrusted, TransportFailed

# As for files of our own folders: the owner and the group, nobody else.
FILE_MODE: Final = 0o640
PART: Final = ".part"


class SftpTransport:
    """Puts each file in a folder of an SSH server; under its own name a file is whole, or absent."""

    def __init__(self, way: Sftp) -> None:
        self.way = way
        self.options = asyncssh.SSHClientConnectionOptions(
            username=way.user,
            client_keys=[private_key(way.key_file)],
            known_hosts=([host_key(way.host_key_file)], [], []),
            preferred_auth=["publickey"],
            connect_timeout=CONNECT_S,
            # What stands in the files of the account that runs us is not for the worker: settings, keys, an agent.
            config=None,
            agent_path=None,
        )

    async def put(self, parcel: Parcel) -> None:
        """Upload a file; see `Transport.put`. What was cut is uploaded again from its beginning."""
        try:
            async with (
                asyncio.timeout(self.way.timeout_s),
                asyncssh.connect(self.way.host, self.way.port, options=self.options) as connection,
                connection.start_sftp_client() as server,
            ):
                folder = PurePosixPath(self.way.folder)
                if not await _already_there(server, folder, parcel):
                    await _upload(server, folder, parcel)
        except asyncssh.HostKeyNotVerifiable as error:
            raise PeerUntrusted(
                f"the SSH server was not given {parcel.name}: its key is not that of {self.way.host_key_file}",
                hint="ask who runs it before you take another key",
            ) from error
        except (OSError, TimeoutError, asyncssh.Error) as error:
            raise TransportFailed(
                f"{parcel.name} was not uploaded: {type(error).__name__}",
                hint="check that the SSH server answers, the account, its key and its folder",
            ) from error


async def _already_there(server: asyncssh.SFTPClient, folder: PurePosixPath, parcel: Parcel) -> bool:
    try:
        async with server.open(folder / parcel.name, "rb") as file:
            found: object = await file.read(len(parcel.content) + 1)
    except asyncssh.SFTPNoSuchFile:
        return False
    if found != parcel.content:
        raise NameTaken(f"{parcel.name} was already sent with another content", hint="build the file again under a new sequence")
    return True


async def _upload(server: asyncssh.SFTPClient, folder: PurePosixPath, parcel: Parcel) -> None:
    # A name of its own for each try: one that is taken for dead may still be writing. What such left behind is swept away.
    mine = f".{parcel.name}."
    for left in await server.listdir(folder):
        if left.startswith(mine) and left.endswith(PART):
            with contextlib.suppress(asyncssh.SFTPNoSuchFile):
                await server.remove(folder / left)
    part = folder / f"{mine}{secrets.token_hex(6)}{PART}"
    async with server.open(part, "wb", asyncssh.SFTPAttrs(permissions=FILE_MODE)) as file:
        await file.write(parcel.content)
        with contextlib.suppress(asyncssh.SFTPOpUnsupported):
            await file.fsync()
    try:
        await server.rename(part, folder / parcel.name)
    except asyncssh.SFTPError:
        # Another sender of the same file was faster, or the name is taken by now; anything else is a failure after all.
        if not await _already_there(server, folder, parcel):
            raise


def host_key(path: str) -> asyncssh.SSHKey:
    """Return the public key of a server. Raises BadTransportKey."""
    content = keys.read_public(path)
    return keys.parsed(path, lambda: asyncssh.import_public_key(content), "the public key of an SSH server")


def private_key(path: str) -> asyncssh.SSHKey:
    """Return the key of an account. Raises BadTransportKey."""
    content = keys.read_secret(path)
    return keys.parsed(path, lambda: asyncssh.import_private_key(content), "a private SSH key without a passphrase")
