# SPDX-License-Identifier: Apache-2.0
"""`probe`: one synthetic transaction a minute, from a process of its own."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from desmos_fast.simulator.probe import Round

BAD: Final = 3


def probe(
    url: Annotated[str, typer.Argument(help="Where the service answers, as https://facturation.example.")],
    centre: Annotated[str, typer.Option("--centre", help="The FINESS of a centre that is for this alone.")],
    key_file: Annotated[Path, typer.Option("--key-file", exists=True, dir_okay=False, help="A file with a test key of that centre.")],
    every: Annotated[float, typer.Option("--every", min=1, help="Seconds between the beginnings of two rounds.")] = 60.0,
    sign_every: Annotated[int, typer.Option("--sign-every", min=1, help="Sign an invoice for good in one of so many rounds.")] = 15,
    metrics_port: Annotated[int | None, typer.Option("--metrics-port", help="Show metrics on this port of the machine.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Make one round and end: 0 when it was good, else 3.")] = False,
) -> None:
    """Try an invoice, look at the lots it would be in, now and then sign one, each minute; a line of JSON for each round.

    With a test key people are synthetic and payers are played. Two bad rounds of three are an outage.
    """
    key = key_file.read_text(encoding="ascii").strip()
    if not key.startswith("dsf_test_"):
        raise typer.BadParameter("the probe takes a test key: what it signs must never reach a payer", param_hint="--key-file")
    if metrics_port is not None:
        from monitoring import metrics

        metrics.serve(metrics_port)
    good = asyncio.run(_run(url, centre, key, every, sign_every, once=once))
    if not good:
        raise typer.Exit(BAD)


async def _run(url: str, centre: str, key: str, every: float, sign_every: int, *, once: bool) -> bool:
    from desmos_fast.base.clock import system_clock
    from desmos_fast.base.window import Hours
    from desmos_fast.client import Client, Retries
    from desmos_fast.commands.serving import stop_on_signals
    from desmos_fast.simulator.probe import SLOW_S, Probe
    from monitoring import metrics

    stop, hours = stop_on_signals(), Hours()
    # No second try: what fails once for the probe failed once for a centre.
    async with Client(url, key, retries=Retries(tries=1), timeout_s=SLOW_S * 5) as client:
        asked = Probe(client, centre, system_clock, sign_every=sign_every)
        while True:
            started = asyncio.get_running_loop().time()
            found = await asked.round()
            metrics.count_probe(found.good, found.steps, is_open=hours.is_open(system_clock()), failing=asked.failing)
            _tell(found)
            if once or stop.is_set():
                return found.good
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, started + every - asyncio.get_running_loop().time()))
            if stop.is_set():
                return True


def _tell(found: "Round") -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    sys.stdout.flush()


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(probe)
