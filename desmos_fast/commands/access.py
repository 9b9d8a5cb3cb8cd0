# SPDX-License-Identifier: Apache-2.0
"""`access review`: which keys, users and roles of a centre nobody uses."""

from typing import TYPE_CHECKING, Annotated

import typer

from desmos_fast.commands import groups
from desmos_fast.commands.acting import AsJson
from desmos_fast.commands.identity import Finess, in_centre

if TYPE_CHECKING:
    from datetime import datetime

    from desmos_fast.base.types import TenantId
    from desmos_fast.db.pool import Connection
    from desmos_fast.identity.review.model import Review


def review(
    finess: Finess,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="What was not used for so many days is told.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Say which keys and users were not used, and which of their roles: exit 1 when there are any."""
    import msgspec

    from desmos_fast.identity.review import service

    async def work(con: "Connection", tenant: "TenantId", now: "datetime", _pepper: bytes) -> "Review":
        return await service.look(con, tenant, None, days, now)

    found = in_centre(finess, work)
    told = [one for one in found.accounts if one.findings]
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        for one in told:
            used = f"{one.used_at:%Y-%m-%d}" if one.used_at else "never"
            found_of = f"{','.join(one.findings):<13}  {','.join(one.unused)}"
            print(f"{one.account:<4}  {one.id}  {one.kind:<4}  used {used:<10}  {found_of}  {one.name}".rstrip())
        print(f"{len(told)} of {len(found.accounts)} accounts not used as they could be since {found.since}; "
              f"roles that nobody used: {', '.join(found.roles_unused) or 'none'}")  # fmt: skip
    if told:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    groups.access.command("review")(review)
