# SPDX-License-Identifier: Apache-2.0
"""`serve` and `migrate`: the service and its database."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from desmos_fast.base.settings import MAX_POOL, MAX_PORT, load

if TYPE_CHECKING:
    from desmos_fast.commands.runtime import Runtime


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _serve(place: "Runtime", host: str, port: int, connections: int, grace_s: float) -> None:
    from api import server
    from api.app import make_app
    from api.keys import TARIFFS
    from desmos_fast.db import health, pool
    from desmos_fast.db.keyring import Keyring
    from desmos_fast.db.migrate import migrate
    from desmos_fast.db.secrets import secret

    stop = stop_on_signals()
    await migrate(place.owner_dsn)
    opened = await pool.create(place.app_dsn, connections)
    try:
        await health.check_role(opened)
        app = make_app(place.settings, opened, Keyring(secret(place.settings, "master")))
        async with health.bare(opened) as con:
            await app[TARIFFS].current(con)

        def listening(chosen: int) -> None:
            print(f"desmos-fast listens on http://{host}:{chosen}", flush=True)

        await server.serve(app, host, port, stop, listening=listening, grace_s=grace_s)
    finally:
        await opened.close()


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; else DESMOS_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=MAX_PORT, help="The port, 0 takes a free one; else DESMOS_PORT.")] = None,
    connections: Annotated[
        int | None, typer.Option(min=1, max=MAX_POOL, help="Connections to the database, at most; else DESMOS_POOL_SIZE.")
    ] = None,
    grace: Annotated[float, typer.Option(min=0, max=60, help="Seconds from `not ready` to the closed port: two probes.")] = 1.0,
    log_level: Annotated[
        Literal["info", "warning", "error"] | None, typer.Option(help="What the log holds; else DESMOS_LOG_LEVEL.")
    ] = None,
) -> None:
    """Serve the HTTP API, with an embedded PostgreSQL unless DESMOS_DSN is set. SIGTERM ends it politely."""
    import uvloop

    from api.logs import configure
    from desmos_fast.commands.runtime import database
    from desmos_fast.exchange.layouts import load_pack
    from desmos_fast.lots.recipients.reading import load_recipients

    settings = load()
    configure(log_level or settings.log_level)
    # What is unsound is told now, not by the first invoice or build.
    load_pack()
    load_recipients()
    with database(start=True) as place:
        uvloop.run(_serve(place, host or settings.host, settings.port if port is None else port, connections or settings.pool_size, grace))


def migrate() -> None:
    """Bring the database to this version."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.migrate import migrate as apply

    with database(start=True) as place:
        print(asyncio.run(apply(place.owner_dsn)))


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(serve)
    app.command()(migrate)
