# SPDX-License-Identifier: Apache-2.0
"""What every process of the storm is given, and the folders, keys and settings made before the first of them starts."""

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from desmos_fast.base.clock import system_clock
from desmos_fast.base.settings import load
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.lots.recipients.reading import LETTERBOX
from tests.api.conftest import MASTER, finess
from tests.lots.transports.authority import Authority, Pair

RECIPIENTS: Final = """
[recipients.amo]
transport = "https"
url = "https://127.0.0.1:{port}/files"
certificate_file = "{client.certificate_file}"
key_file = "{client.key_file}"
ca_file = "{authority.file}"
timeout_s = 5
[recipients.amo.retries]
tries = 1000
first_s = 0.02
longest_s = 0.2
[recipients.amo.breaker]
failures = 1000
[recipients.amc]
transport = "directory"
folder = "{folder}"
[[routes]]
to = "amc"
flow = 2
[[routes]]
to = "amo"
"""


@dataclass(frozen=True)
class House:
    """One centre, the sockets that stay open whoever dies behind them, and the folders that files end up in."""

    owner_dsn: str
    app_dsn: str
    data_dir: Path
    tenant: TenantId
    finess: str
    key: str
    seed: int
    service: socket.socket
    concentrator: socket.socket
    server: Pair
    authority: Authority

    @property
    def url(self) -> str:
        """Return where the service listens."""
        return f"http://127.0.0.1:{self.service.getsockname()[1]}"

    @property
    def letterbox(self) -> Path:
        """Return the folder that flow 2 is put in."""
        return self.data_dir.joinpath(*LETTERBOX)

    @property
    def received(self) -> Path:
        """Return the folder in which the concentrator keeps flow 1."""
        return self.data_dir.parent / "received"

    @property
    def record(self) -> Path:
        """Return the file of what the centre was answered."""
        return self.data_dir.parent / "record.json"

    def files(self) -> dict[str, Path]:
        """Return what arrived under its final name, by name."""
        return {path.name: path for folder in (self.received, self.letterbox) for path in sorted(folder.glob("*.b2"))}

    def context(self) -> Context:
        """Return what a request of the centre is given."""
        return Context(Caller(self.tenant, self.finess, "test", uuid7()), Keyring(MASTER).of(self.tenant), system_clock())


def listening() -> socket.socket:
    """Return a socket that children inherit: who asks while one of them is dead waits in it."""
    made = socket.create_server(("127.0.0.1", 0), backlog=512)
    made.setblocking(False)
    return made


def furnish(owner_dsn: str, app_dsn: str, folder: Path, seed: int) -> House:
    """Make the folders, keys and the centre, and point the settings of this process and its children at them."""
    data_dir, keys = folder / "data", folder / "keys"
    for path in (data_dir.joinpath(*LETTERBOX), folder / "received", keys, folder / "logs"):
        path.mkdir(parents=True)
    data_dir.chmod(0o700)
    os.environ.update(DESMOS_DATA_DIR=str(data_dir), DESMOS_RECIPIENTS=str(folder / "recipients.toml"))
    authority = Authority(keys)
    client, server = authority.pair("client"), authority.pair("server")
    service, concentrator = listening(), listening()
    said = RECIPIENTS.format(port=concentrator.getsockname()[1], client=client, authority=authority, folder=data_dir.joinpath(*LETTERBOX))
    (folder / "recipients.toml").write_text(said, encoding="utf-8")
    tenant, number, key = asyncio.run(_centre(owner_dsn))
    return House(owner_dsn, app_dsn, data_dir, TenantId(tenant), number, key, seed, service, concentrator, server, authority)


async def _centre(owner_dsn: str) -> tuple[UUID, str, str]:
    number = finess()
    async with direct(owner_dsn) as con:
        centre = await identity.add_centre(con, number, "Centre de la tempête")
        return centre.id, number, await identity.new_key(con, number, "test", pepper=secret(load(), "api_keys"))
