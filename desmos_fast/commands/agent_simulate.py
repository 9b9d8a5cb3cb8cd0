# SPDX-License-Identifier: Apache-2.0
"""`agent simulate`: cards at virtual readers, and trouble on order."""

import shlex
import sys
from typing import Annotated

import typer

from desmos_fast.commands import groups


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agent.command()(simulate)


def simulate(
    script: Annotated[str, typer.Argument(help="The script, a JSON object a line; `-` is standard input.")],
    command: Annotated[
        str | None, typer.Option("--service-command", help="How to start a card service of its own, which is stopped at the end.")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65_534, help="The port of the first slot; the second has the next one.")
    ] = 35_963,
    pid: Annotated[int | None, typer.Option("--service-pid", min=2, help="The process of a card service that may be killed.")] = None,
) -> None:
    """Play cards at the two slots of the virtual reader (vsmartcard-vpcd), with each fault where the script says, and tell what was done.

    For tests on machines without real readers: the driver listens on every network interface.
    """
    import msgspec

    from desmos_fast.base.errors import OutsideFailed
    from desmos_fast.commands.common import read_input
    from readers.simulator.chaos import Chaos, read_script
    from readers.simulator.service import Service

    if command is not None and pid is not None:
        raise typer.BadParameter("--service-command and --service-pid exclude each other")
    steps = read_script(read_input(script))

    def told(what: dict[str, object]) -> None:
        sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
        sys.stdout.flush()

    if command is None:
        Chaos(pid=pid, port=port).play(steps, told)
        return
    try:
        service = Service(shlex.split(command), (port, port + 1))
        service.start()
    except (OSError, TimeoutError, IndexError) as error:
        raise OutsideFailed("the card service did not start", hint="look at what its command says by itself") from error
    try:
        Chaos(service, port=port).play(steps, told)
    finally:
        service.stop()
