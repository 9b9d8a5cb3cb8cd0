# SPDX-License-Identifier: Apache-2.0
"""`agent cps` and `agent rights`: what vendors' libraries read of the cards that are in."""

import contextlib
import sys
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson

if TYPE_CHECKING:
    from readers.choices import Choices
    from readers.cps.model import Professional
    from readers.ssv.zones import Group

OUTSIDE: Final = 3
PROMPT: Final = "Code porteur: "


def register(_app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.agent.command()(cps)
    groups.agent.command()(rights)


@contextlib.contextmanager
def coded(as_json: bool) -> Iterator[None]:
    """Let an error of a reader be one JSON object, where JSON was asked for."""
    import msgspec

    from readers.errors import ReaderError

    try:
        yield
    except ReaderError as error:
        if not as_json:
            raise
        told = {"code": error.code.upper(), "message": error.detail}
        sys.stderr.write(msgspec.json.encode(told).decode() + "\n")
        raise typer.Exit(OUTSIDE) from None


def cps(
    activities: Annotated[
        bool, typer.Option("--activities", help="Ask for the code, on the terminal or the first line of standard input, and read them too.")
    ] = False,
    last_try: Annotated[bool, typer.Option("--last-try", help="Send the code though a wrong one would block the card.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read the card of a health professional through the issuer's library. A code is sent once, and never again by itself."""
    import asyncio

    import msgspec

    from readers.choices import choices
    from readers.cps.typed import typed

    if last_try and not activities:
        raise typer.BadParameter("--last-try goes with --activities: without it no code is sent")
    chosen = choices()
    # Before the loop, which would not let an interrupt end the asking.
    code = typed(PROMPT) if activities and chosen.cps is not None else None
    with coded(as_json):
        found = asyncio.run(_cps(chosen, code, last_try))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n" if as_json else _professional(found))


def rights(
    ps: Annotated[bool, typer.Option("--ps", help="Read the professional and the situations instead.")] = False,
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day of the rights; today without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the cards through the backend that DESMOS_CARDS chooses: all groups of fields that it gives. A test profile.

    Licensed components and the simulator take the code of the professional: on the terminal, or the first line of standard input.
    """
    import asyncio

    import msgspec

    from desmos_fast.base.clock import paris_date, system_clock
    from readers.choices import choices
    from readers.cps.typed import typed

    chosen = choices()
    code = bytearray() if chosen.backend == "pcsc" else typed(PROMPT)
    with coded(as_json):
        groups_read = asyncio.run(_rights(chosen, code, ps, on.date() if on is not None else paris_date(system_clock())))
    told = _named(chosen, groups_read)
    sys.stdout.write(msgspec.json.encode({"backend": chosen.backend, "groups": told}).decode() + "\n" if as_json else _groups(told))


async def _cps(chosen: "Choices", code: bytearray | None, last_try: bool) -> "Professional":
    from readers.cps.card import Cps

    card = Cps(chosen.cps)
    try:
        return await (card.look() if code is None else card.open(code, last_try=last_try))
    finally:
        await card.close()


async def _rights(chosen: "Choices", code: bytearray, ps: bool, on: date) -> "list[Group]":
    from readers.apart.frames import wipe
    from readers.backends import backend

    cards = backend(chosen)
    said = code.decode("latin-1")
    wipe(code)
    try:
        return await (cards.read_ps(said) if ps else cards.read_rights(said, on))
    finally:
        await cards.close()


def _named(chosen: "Choices", found: "list[Group]") -> list[dict[str, Any]]:
    from readers.ssv.library import table
    from readers.ssv.zones import TABLE, layout

    path = table(chosen.ssv, TABLE) if chosen.ssv is not None else TABLE
    names = layout(path)
    return [
        {"group": each.number, "subject": names[each.number].subject if each.number in names else "unknown", "fields": each.named(path)}
        for each in found
    ]


def _groups(told: list[dict[str, Any]]) -> str:
    lines = []
    for each in told:
        lines.append(f"{each['group']:>3}  {each['subject']}")
        lines += [f"     {name:18}  {value}" for name, value in each["fields"].items()]
    return "\n".join(lines) + "\n"


def _professional(found: "Professional") -> str:
    from readers.cps.model import TRIES

    fields = ("reader", "token", "identifier", "last_name", "first_name", "profession", "specialty")
    lines = [f"{name:12}  {value}" for name in fields if (value := getattr(found, name)) is not None]
    lines.append(f"{'code':12}  {TRIES[found.tries]}")
    for each in found.activities or []:
        named = ", ".join(value for value in (each.structure, each.structure_id, each.sector) if value is not None)
        lines.append(f"{'activity':12}  {each.rank}: {named or 'of no known layout'}")
    return "\n".join(lines) + "\n"
