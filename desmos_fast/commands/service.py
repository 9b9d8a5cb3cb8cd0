# SPDX-License-Identifier: Apache-2.0
"""`serve` and `migrate`: the service and its database."""

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from desmos_fast.base.settings import MAX_POOL, MAX_PORT, MIN_POOL, load

if TYPE_CHECKING:
    from desmos_fast.commands.runtime import Runtime

MOST_PROCESSES: Final = 32
# With eight connections each, and one more during a rolling restart, they leave the embedded database room for workers and commands.
MOST_UNASKED: Final = 3
GRACE_HELP: Final = "Seconds from `not ready` to the closed port: two probes."
HELP: Final = (
    "Serve the HTTP API, with an embedded PostgreSQL unless DESMOS_DSN is set. SIGTERM ends it politely.\n\n"
    "With several processes (Linux alone) one watches over the others, which share the port: one that dies is started again, and SIGHUP "
    "replaces them one by one by the program as it is on the disk then, without a request lost."
)


def default_processes() -> int:
    """Return how many processes serve unless it is said: one for each processor that this program may use, three at most."""
    return min(len(os.sched_getaffinity(0)), MOST_UNASKED) if hasattr(os, "sched_getaffinity") else 1


async def _serve(place: "Runtime", host: str, port: int, connections: int, grace_s: float, processes: int) -> None:
    from api import server
    from desmos_fast.commands import processes as several
    from desmos_fast.commands.serving import serve_here, stay_on_hangup, stop_on_signals, tell_systemd
    from desmos_fast.db.migrate import migrate

    orders = server.Orders(stop_on_signals())
    stay_on_hangup()
    if processes > 1:
        several.check_system()
    await migrate(place.owner_dsn)
    if processes > 1:
        await several.serve(place, host, port, orders.stop, several.Terms(processes, connections, grace_s))
        return
    listeners = server.open_port(host, port)

    def listening() -> None:
        print(f"desmos-fast listens on http://{host}:{listeners[0].getsockname()[1]}", flush=True)
        tell_systemd("READY=1")

    await serve_here(place, listeners, orders, connections, grace_s, listening)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; else DESMOS_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=MAX_PORT, help="The port, 0 takes a free one; else DESMOS_PORT.")] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PROCESSES, help=f"How many processes serve; else one a processor, {MOST_UNASKED} at most."),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(min=MIN_POOL, max=MAX_POOL, help="Connections to the database of each process, at most; else DESMOS_POOL_SIZE."),
    ] = None,
    grace: Annotated[float, typer.Option(min=0, max=60, help=GRACE_HELP)] = 1.0,
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
    if log_level is not None:
        # Said once, for the processes that this one starts too.
        os.environ["DESMOS_LOG_LEVEL"] = log_level
    # What is unsound is told now, not by the first invoice or build.
    load_pack()
    load_recipients()
    with database(start=True) as place:
        uvloop.run(
            _serve(
                place,
                host or settings.host,
                settings.port if port is None else port,
                connections or settings.pool_size,
                grace,
                default_processes() if processes is None else processes,
            )
        )


def serve_share(
    fd: Annotated[list[int], typer.Option(help="A socket that listens.")],
    channel: Annotated[int, typer.Option(help="The socket to the process that watches over this one.")],
    connections: Annotated[int, typer.Option(help="Connections to the database, at most.")],
    grace: Annotated[float, typer.Option(help=GRACE_HELP)],
    again: Annotated[bool, typer.Option("--again", help="The one before it died.")] = False,
) -> None:
    """Be one of the processes of `serve`, which starts it."""
    import uvloop

    from api.logs import configure
    from desmos_fast.commands.processes import be_one
    from desmos_fast.commands.runtime import database
    from monitoring import metrics

    configure(load().log_level)
    if again:
        metrics.process_restarts.inc()
    with database() as place:
        uvloop.run(be_one(place, fd, channel, connections, grace))


def migrate() -> None:
    """Bring the database to this version, that of a service that runs too."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.embedded import DataInUse
    from desmos_fast.db.migrate import migrate as apply

    with contextlib.ExitStack() as opened:
        try:
            place = opened.enter_context(database(start=True))
        except DataInUse:
            place = opened.enter_context(database())
        print(asyncio.run(apply(place.owner_dsn)))


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command(help=HELP)(serve)
    app.command(hidden=True)(serve_share)
    app.command()(migrate)
