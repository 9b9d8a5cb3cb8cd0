# SPDX-License-Identifier: Apache-2.0
"""`audit verify`: whether the trail of who looked at what still says what was added to it."""

from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson, Centre, act
from desmos_fast.commands.common import noted_head

if TYPE_CHECKING:
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.audit.model import Verified
    from desmos_fast.identity.context import Context

Anchor = Annotated[str | None, typer.Option("--head", help="ROW:HASH as an earlier run told it: that row must still have that hash.")]


def verify(centre: Centre, head: Anchor = None, as_json: AsJson = False) -> None:
    """Look whether the trail of a centre holds: exit 1 when a row was changed, removed, added or moved, and say which first."""
    import msgspec

    from desmos_fast.identity.audit import service
    from desmos_fast.identity.audit.model import Head

    anchor = None if head is None else Head(*noted_head(head))

    async def work(con: "Connection", context: "Context") -> "Verified":
        return await service.verify(con, context.tenant, anchor=anchor)

    found = act(centre, work)
    print(msgspec.json.encode(found).decode() if as_json else _told(found))
    if not found.holds:
        raise typer.Exit(1)


def _told(found: "Verified") -> str:
    end = f"{found.rows} rows looked at; the trail ends at {found.head}:{found.hash}"
    if found.holds:
        return f"the chain holds: {end}"
    first = found.breaks[0]
    return f"THE CHAIN IS BROKEN in {found.broken} places, first at row {first.row}: {first.why}\n{end}"


def register(app: typer.Typer) -> None:
    """Add this room's command to the program."""
    groups.audit.command("verify")(verify)
