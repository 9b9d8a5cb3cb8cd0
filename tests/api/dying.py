# SPDX-License-Identifier: Apache-2.0
"""The real service in a process of its own that kills itself at a chosen moment: `python -m tests.api.dying DSN CROSSINGS PLACES TOLD`."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

from aiohttp import web

from api import logs
from api.app import make_app
from api.protocol import Runner
from desmos_fast.base.settings import load
from desmos_fast.db import pool as pools
from desmos_fast.db.keyring import Keyring
from tests.api.conftest import MASTER
from tests.fault.storm.fuse import Fuse

LONGEST_S: Final = 60.0


async def main(dsn: str, crossings: int, places: str, told: Path) -> None:
    """Say the port, then serve; SIGUSR1 lays the fuse, which is said too, and the service goes on until it burns through."""
    logs.configure("error", sys.stderr)
    pool = await pools.create(dsn, 4)
    runner = Runner(make_app(load(), pool, Keyring(MASTER)), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fuse = Fuse(crossings, places, told, "service")

    def lay() -> None:
        fuse.lay()
        print("laid", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lay)
    print(runner.addresses[0][1], flush=True)
    await asyncio.sleep(LONGEST_S)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
