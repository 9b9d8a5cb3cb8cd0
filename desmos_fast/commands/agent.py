# SPDX-License-Identifier: Apache-2.0
"""`agent read`: the card in a reader of this workstation, once."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson
from desmos_fast.commands.agent_cards import coded

if TYPE_CHECKING:
    from readers.reading import Beside, Reading

LONGEST_S: Final = 86_400.0


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agent.command()(read)
    groups.agent.command("enrol")(enrol)
    groups.agent.command("run")(run)


def read(
    reader: Annotated[str | None, typer.Option("--reader", help="The name of one reader; without it, any.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, max=LONGEST_S, help="Seconds for all of it.")] = 30.0,
    pair: Annotated[bool, typer.Option("--pair", help="With --json: say as `pair` what is in the other slot of the device.")] = False,
    as_json: AsJson = False,
) -> None:
    """Wait for a card, say which it is, and read who holds it when it is a Vitale 2. No code is ever asked for or sent.

    Any card ends it. Without one, or when it leaves while it is read, the exit status is 3 and the last line of standard error says why:
    with --json, as one JSON object with a code.
    """
    import asyncio

    import msgspec

    from readers.choices import choices

    with coded(as_json):
        found, other = asyncio.run(_read(reader, timeout, choices().pairs))
    if as_json:
        sys.stdout.write(msgspec.json.encode({**msgspec.structs.asdict(found), **({"pair": other} if pair else {})}).decode() + "\n")
    else:
        sys.stdout.write(_page(found, other))


Place = Annotated[Path | None, typer.Option("--folder", help="The agent's own folder; without it, one in the home of this user.")]


def enrol(
    service: Annotated[str, typer.Option("--service", help="The address of the service, https://…")],
    code: Annotated[str, typer.Option("--code", prompt="Code", help="The code for this desk; asked for when it is not given.")],
    folder: Place = None,
) -> None:
    """Let this workstation in with a code: its key is made here and stays here, the service signs its certificate."""
    import asyncio

    from readers.uplink import enrol as let_in
    from readers.uplink_folder import Folder, default_folder

    found = asyncio.run(let_in(Folder(folder or default_folder()), service, code))
    print(f"{found.desk} is enrolled as {found.agent}")


def run(
    folder: Place = None,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", help="Let pages of this origin read cards too, beside those of the service; repeatable.")
    ] = None,
    pages: Annotated[bool, typer.Option("--pages/--no-pages", help="Let pages in a browser of this workstation read cards.")] = True,
    simulated: Annotated[
        int | None, typer.Option("--simulated", help="No readers: invented people put cards in and take them out, from this seed on.")
    ] = None,
) -> None:
    """Read cards for the service until stopped: connects out, heals by itself, keeps what happened until the service has it.

    Pages of the service, opened in a browser of this workstation, reach it on the loopback alone.
    """
    import asyncio
    import contextlib
    import logging

    from readers.notice import Noticed, show
    from readers.run import Pages, serve
    from readers.run import run as with_readers
    from readers.simulator.desk import InventedDesk
    from readers.uplink_folder import Folder, default_folder

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    place, allowed = Folder(folder or default_folder()), Pages(origins=tuple(origin or ()))
    with contextlib.suppress(KeyboardInterrupt):
        if simulated is None:
            asyncio.run(with_readers(place, allowed if pages else None))
        else:
            desk = InventedDesk(simulated)
            asyncio.run(serve(place, Noticed(desk, show), allowed._replace(rights=desk.rights) if pages else None))


async def _read(reader: str | None, seconds: float, pairs: dict[str, str]) -> "tuple[Reading, Beside | None]":
    import asyncio

    from readers.reading import Wait, beside
    from readers.sessions.desk import Desk

    until = asyncio.get_running_loop().time() + seconds
    async with Desk() as desk:
        found = await Wait(desk, reader, until, lambda advice: print(advice, file=sys.stderr, flush=True)).read()
        return found, beside(desk.known(), found.reader, pairs)


def _page(found: "Reading", other: "Beside | None") -> str:
    lines = [f"reader  {found.reader}", f"card    {found.card}", f"atr     {found.atr}"]
    if other is not None:
        lines.append(f"pair    {other.reader}: {other.card or 'empty'}")
    if found.identity is not None:
        lines += [f"{name:14}  {value}" for name, value in found.identity.items() if value is not None]
    return "\n".join(lines) + "\n"
