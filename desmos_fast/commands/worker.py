# SPDX-License-Identifier: Apache-2.0
"""`worker`: the program that sends files; it may run beside the service or on another machine, once or many times."""

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

if TYPE_CHECKING:
    from desmos_fast.commands.runtime import Runtime
    from desmos_fast.db.keyring import Keyring
    from desmos_fast.db.pool import Pool
    from desmos_fast.lots.jobs import Sender

LOOK_S: Final = 0.2
FINISH_S: Final = 30.0
CLOSE_S: Final = 5.0
CONNECTIONS: Final = 8
LETTERBOX: Final = ("letterbox", "to_payers")
# A claim file tells who was ill: the owner and the group, nobody else.
FOLDER_MODE: Final = 0o750
HELP: Final = (
    "Send the files that builds queued, until SIGTERM.\n\n"
    "A file is put in DESMOS_DATA_DIR/letterbox/to_payers, whole and under its own name; what takes it from there to the payers is another "
    "program. Any number of workers may run, here or elsewhere, and any may be killed: its job goes to another within five seconds, and a "
    "file that was handed over already is not sent twice.\n\n"
    "What cannot be sent is tried again, after 1 s, 2 s, 4 s and so on up to 5 minutes. After 12 tries, some 20 minutes, the file is "
    "marked dead and its job is held: see `desmos-fast jobs`.\n\n"
    "Without DESMOS_DSN it joins the database that `desmos-fast serve` runs on the same data folder, and waits for it at first."
)


def worker(
    once: Annotated[bool, typer.Option("--once", help="Send what is queued and end; exit 3 when a file had to be given up.")] = False,
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for the database and its tables at the start.")] = 10.0,
    log_level: Annotated[
        Literal["info", "warning", "error"] | None, typer.Option(help="What the log holds; else DESMOS_LOG_LEVEL.")
    ] = None,
) -> None:
    """Send the files that builds queued, until SIGTERM."""
    import uvloop

    from api.logs import configure
    from desmos_fast.base.errors import OutsideFailed
    from desmos_fast.base.settings import load
    from desmos_fast.exchange.layouts import load_pack

    configure(log_level or load().log_level)
    load_pack()
    deadline = time.monotonic() + wait
    place, keyring = _joined(deadline)
    sender = uvloop.run(_work(place, keyring, deadline, once=once))
    if once:
        print(f"{sender.sent} sent, {sender.dead} given up")
        if sender.dead:
            raise OutsideFailed(f"{sender.dead} files were given up", hint="mend the cause, then: desmos-fast jobs retry --all")


def _joined(deadline: float) -> "tuple[Runtime, Keyring]":
    """Return the database and the keys of the house once there is a database; raise what is missing when the time is over."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.embedded import NotRunning
    from desmos_fast.db.keyring import Keyring
    from desmos_fast.db.secrets import SecretMissing, kept

    while True:
        try:
            # Nothing is made here: keys of our own would open nothing.
            with database() as place:
                return place, Keyring(kept(place.settings.data_dir, "master"))
        except (NotRunning, SecretMissing):
            if time.monotonic() >= deadline:
                raise
            time.sleep(LOOK_S)


async def _work(place: "Runtime", keyring: "Keyring", deadline: float, *, once: bool) -> "Sender":
    from desmos_fast.base.clock import system_clock
    from desmos_fast.commands.service import stop_on_signals
    from desmos_fast.db import pool, queue
    from desmos_fast.lots.jobs import Patience, Sender
    from desmos_fast.lots.model import SEND_FILE
    from desmos_fast.lots.transports.directory import DirectoryTransport

    stop = stop_on_signals()
    opened = await pool.create(place.app_dsn, CONNECTIONS)
    leaving = asyncio.create_task(_leave(stop))
    try:
        await _migrated(opened, deadline)
        transport = DirectoryTransport(_folder(place.settings.data_dir))
        sender = Sender(opened, keyring, transport, system_clock, Patience())
        if not once:
            print("desmos-fast worker is ready", flush=True)
        await queue.run(opened, {SEND_FILE: sender}, stop, once=once)
        return sender
    finally:
        leaving.cancel()
        await _close(opened)


async def _leave(stop: asyncio.Event) -> None:
    """End the process when a job does not end in time after `stop`: nothing is lost by it, another worker takes the job."""
    import structlog

    await stop.wait()
    await asyncio.sleep(FINISH_S)
    structlog.get_logger("desmos.worker").error("a job does not end, leaving it to another worker")
    os._exit(3)


async def _close(opened: "Pool") -> None:
    try:
        await asyncio.wait_for(opened.close(), CLOSE_S)
    except TimeoutError:
        opened.terminate()


async def _migrated(opened: "Pool", deadline: float) -> None:
    """Wait until the database has the tables of this version. Raises DatabaseDown, WrongRole."""
    from desmos_fast.db import health
    from desmos_fast.db.pool import ACQUIRE_TIMEOUT_S, DatabaseDown

    while True:
        try:
            await health.check_role(opened)
            trouble = (await health.state(opened, ACQUIRE_TIMEOUT_S)).trouble
        except DatabaseDown as error:
            failure = error
        else:
            if not trouble:
                return
            failure = DatabaseDown(f"the database is not ready ({trouble})", hint="run `desmos-fast migrate`, or start `desmos-fast serve`")
        if time.monotonic() >= deadline:
            raise failure
        await asyncio.sleep(LOOK_S)


def _folder(data_dir: Path) -> Path:
    """Return the folder that files leave through, made with rights for the owner and the group alone."""
    from desmos_fast.db.home import make_home

    make_home(data_dir)
    path = data_dir
    for name in LETTERBOX:
        path = path / name
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)
    return path


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command(help=HELP)(worker)
