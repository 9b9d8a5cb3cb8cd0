# SPDX-License-Identifier: Apache-2.0
"""`worker`: the program that sends files; it may run beside the service or on another machine, once or many times."""

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

if TYPE_CHECKING:
    from desmos_fast.base.clock import Clocks
    from desmos_fast.commands.runtime import Runtime
    from desmos_fast.db.keyring import Keyring
    from desmos_fast.db.pool import Pool
    from desmos_fast.lots.jobs import Sender
    from desmos_fast.lots.recipients.model import Recipients
    from desmos_fast.lots.transports.port import Transport
    from desmos_fast.notices.sender import Mailer

LOOK_S: Final = 0.2
FINISH_S: Final = 30.0
CLOSE_S: Final = 5.0
CONNECTIONS: Final = 14
WATCH_S: Final = 10.0
# A claim file tells who was ill: the owner and the group, nobody else.
FOLDER_MODE: Final = 0o750
HELP: Final = (
    "Send the files that builds queued, until SIGTERM.\n\n"
    "The file DESMOS_RECIPIENTS says who takes which file and how, see `desmos-fast recipients`. Without it each file is put in "
    "DESMOS_DATA_DIR/letterbox/to_payers, whole and under its own name; what takes it from there to the payers is another program.\n\n"
    "Any number of workers may run, here or elsewhere, and any may be killed: its job goes to another within five seconds, and a file that "
    "was handed over already has no effect the second time. One of them at a time does what nobody queues, and another takes over within "
    "seconds when it ends.\n\n"
    "What cannot be sent is tried again, after up to 1 s, 2 s, 4 s and so on to 5 minutes, a time drawn at random. After 12 tries, some 10 "
    "minutes, or as many as its recipient says, the file is marked dead and its job is held: see `desmos-fast jobs`.\n\n"
    "Unless --once it also makes the reminders of the day, builds lots on schedule and tells webhooks: see `desmos-fast reminders`, "
    "`desmos-fast schedule` and `desmos-fast webhooks`. It watches "
    "what every centre awaits, and tells the log of what is out of the ordinary, and by mail those named with `desmos-fast contacts`, once "
    "DESMOS_MAIL names the file of a mail server.\n\n"
    "Without DESMOS_DSN it joins the database that `desmos-fast serve` runs on the same data folder, and waits for it at first."
)


def worker(
    once: Annotated[bool, typer.Option("--once", help="Send what is queued and end; exit 3 when a file had to be given up.")] = False,
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for the database and its tables at the start.")] = 10.0,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Show metrics at http://127.0.0.1:PORT/metrics; one port a worker.")
    ] = None,
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
    from desmos_fast.lots.recipients.reading import load_recipients
    from desmos_fast.lots.transports.opening import open_transports
    from monitoring import metrics

    configure(log_level or load().log_level)
    load_pack()
    recipients = load_recipients()
    deadline = time.monotonic() + wait
    place, keyring = _joined(deadline)
    if load().recipients is None:
        _make_letterbox(place.settings.data_dir)
    transports = open_transports(recipients)
    if metrics_port is not None:
        metrics.serve(metrics_port)
    sender, left = uvloop.run(_work(place, keyring, recipients, transports, deadline, once=once))
    if once:
        print(f"{sender.sent} sent, {sender.dead} given up" + (f", {left} wait for their recipient" if left else ""))
        if sender.dead:
            raise OutsideFailed(f"{sender.dead} files were given up", hint="mend the cause, then: desmos-fast jobs retry --all")


def _joined(deadline: float) -> "tuple[Runtime, Keyring]":
    """Return the database and the keys of the house once there is a database; raise what is missing when the time is over."""
    from desmos_fast.commands.runtime import database
    from desmos_fast.db.embedded import NotRunning
    from desmos_fast.db.masters import open_keyring
    from desmos_fast.db.secrets import SecretMissing

    while True:
        try:
            # Nothing is made here: keys of our own would open nothing.
            with database() as place:
                return place, open_keyring(place.settings)
        except (NotRunning, SecretMissing):
            if time.monotonic() >= deadline:
                raise
            time.sleep(LOOK_S)


async def _work(
    place: "Runtime", keyring: "Keyring", recipients: "Recipients", transports: "Mapping[str, Transport]", deadline: float, *, once: bool
) -> "tuple[Sender, int]":
    """Send until told to end; return what sent, and how many files are left for later."""
    from desmos_fast.base.clock import Clocks, system_clock
    from desmos_fast.commands.serving import stop_on_signals
    from desmos_fast.db import pool, queue
    from desmos_fast.db.masters import following
    from desmos_fast.identity.clocks import service as clocks
    from desmos_fast.lots.jobs import Sender
    from desmos_fast.lots.model import SEND_FILE
    from desmos_fast.notices.reading import open_mailer

    mailer = open_mailer(place.settings.mail)
    stop = stop_on_signals()
    opened = await pool.create(place.app_dsn, CONNECTIONS)
    leaving = asyncio.create_task(_leave(stop))
    try:
        await _migrated(opened, deadline)
        clock = Clocks(system_clock)
        sender = Sender(opened, keyring, recipients, transports, clock)
        async with following(opened, keyring), clocks.following(opened, clock):
            if not once:
                print("desmos-fast worker is ready", flush=True)
                await _all_jobs(place, opened, keyring, clock, sender, mailer, stop)
            else:
                await queue.run(opened, {SEND_FILE: sender}, stop, once=True)
        return sender, await queue.waiting(opened, SEND_FILE)
    finally:
        leaving.cancel()
        await _close(opened)


async def _all_jobs(
    place: "Runtime", opened: "Pool", keyring: "Keyring", clock: "Clocks", sender: "Sender", mailer: "Mailer | None", stop: asyncio.Event
) -> None:
    """Send files, build on schedule and tell webhooks until told to end; a webhook that is slow holds up no file.

    What nobody queues is done by one worker at a time.
    """
    from desmos_fast.base.clock import system_clock
    from desmos_fast.db import leader, queue
    from desmos_fast.lots.model import SEND_FILE
    from desmos_fast.lots.schedule.jobs import Builder
    from desmos_fast.lots.schedule.model import BUILD_ON_SCHEDULE
    from desmos_fast.webhooks.jobs import Deliverer
    from desmos_fast.webhooks.model import DELIVER
    from desmos_fast.webhooks.sender import Poster
    from monitoring import metrics

    async with Poster(place.settings.webhook_hosts) as poster, asyncio.TaskGroup() as running:
        watching = running.create_task(_shown(place, opened, sender.recipients))
        builder, deliverer = Builder(opened, keyring, clock), Deliverer(opened, keyring, poster.post, system_clock)
        timed = functools.partial(_timed, opened, keyring, clock, mailer, stop)
        jobs = [
            running.create_task(queue.run(opened, {SEND_FILE: sender, BUILD_ON_SCHEDULE: builder}, stop)),
            running.create_task(queue.run(opened, {DELIVER: deliverer}, stop)),
            running.create_task(leader.lead(place.app_dsn, timed, stop, metrics.worker_leads.set)),
        ]
        await asyncio.wait(jobs)
        watching.cancel()


async def _shown(place: "Runtime", opened: "Pool", recipients: "Recipients") -> None:
    """Show what a worker tells of the house, until cancelled."""
    from desmos_fast.backups import jobs as backups
    from desmos_fast.base.clock import system_clock
    from desmos_fast.certificates import jobs as certificates
    from desmos_fast.incidents import jobs as incidents

    async with asyncio.TaskGroup() as showing:
        showing.create_task(_watch(opened))
        showing.create_task(incidents.show(opened, system_clock))
        showing.create_task(backups.show(opened, place.settings.backups, system_clock))
        showing.create_task(certificates.show(place.settings, recipients))


async def _timed(opened: "Pool", keyring: "Keyring", clock: "Clocks", mailer: "Mailer | None", stop: asyncio.Event) -> None:
    """Do what the clock asks for until told to end: follow what was sent, and the day of every centre."""
    from desmos_fast.anomalies.service import LogNotifier
    from desmos_fast.base.clock import system_clock
    from desmos_fast.lots.follow.jobs import Watch
    from desmos_fast.notices.service import MailNotifier, Notifiers
    from desmos_fast.settlement.dunning.reminders.jobs import Daily

    mails = () if mailer is None else (MailNotifier(opened, mailer, system_clock),)
    notifier = Notifiers(LogNotifier(), *mails)
    async with asyncio.TaskGroup() as running:
        running.create_task(Watch(opened, clock, notifier).run(stop))
        running.create_task(Daily(opened, keyring, clock).run(stop))


async def _watch(opened: "Pool") -> None:
    """Show what the queue holds, how late what nobody began is, and how this worker's own loop and connections do."""
    from desmos_fast.db import queue
    from desmos_fast.db.pool import AWAY
    from desmos_fast.lots.model import SEND_FILE
    from desmos_fast.lots.schedule.model import BUILD_ON_SCHEDULE
    from desmos_fast.webhooks.model import DELIVER
    from monitoring import metrics, saving

    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(*AWAY):
            metrics.schedule_overdue.set(await queue.overdue_s(opened, BUILD_ON_SCHEDULE))
            metrics.webhook_overdue.set(await queue.overdue_s(opened, DELIVER))
            saving.set_jobs(await queue.depth(opened, (SEND_FILE, BUILD_ON_SCHEDULE, DELIVER)))
        metrics.set_connections(idle=opened.get_idle_size(), used=opened.get_size() - opened.get_idle_size())
        asked = loop.time()
        await asyncio.sleep(WATCH_S)
        metrics.event_loop_lag_seconds.set(max(0.0, loop.time() - asked - WATCH_S))


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


def _make_letterbox(data_dir: Path) -> None:
    """Make the folder that files leave through, with rights for the owner and the group alone."""
    from desmos_fast.db.home import make_home
    from desmos_fast.lots.recipients.reading import LETTERBOX

    make_home(data_dir)
    path = data_dir
    for name in LETTERBOX:
        path = path / name
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command(help=HELP)(worker)
