# SPDX-License-Identifier: Apache-2.0
"""A centre looks through its lots and files."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.base.types import FileId, LotId
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots.listing import store
from desmos_fast.lots.listing.model import FileLine, FilePage, FileView, LotLine, LotPage, LotView, Wanted

Line = TypeVar("Line", LotLine, FileLine)
Cursor = Callable[[UUID], str]


def _page(found: list[Line], limit: int, cursor: Cursor) -> tuple[list[Line], str | None]:
    return found[:limit], cursor(found[limit - 1].id) if len(found) > limit else None


async def lots(con: Connection, context: Context, wanted: Wanted, cursor: Cursor) -> LotPage:
    """Return one page of the centre's lots; `cursor` writes the place where the next one begins."""
    return LotPage(*_page(await store.lots(con, context.tenant, wanted), wanted.limit, cursor))


async def files(con: Connection, context: Context, wanted: Wanted, cursor: Cursor) -> FilePage:
    """Return one page of the centre's files; `cursor` writes the place where the next one begins."""
    return FilePage(*_page(await store.files(con, context.tenant, wanted), wanted.limit, cursor))


async def lot(con: Connection, context: Context, name: LotId) -> LotView:
    """Return a lot of the centre, its invoices, and what happened to it and its file. Raises NotThere."""
    found = await store.lot(con, context.tenant, name)
    if found is None:
        raise NotThere("the centre has no such lot")
    contents = await store.contents(con, context.tenant, name)
    timeline = await store.timeline(con, context.tenant, name, found.file.id)
    return LotView(**msgspec.structs.asdict(found), contents=contents, timeline=timeline)


async def file(con: Connection, context: Context, name: FileId) -> FileView:
    """Return a file of the centre, its lots, and what happened to it. Raises NotThere."""
    found = await store.file(con, context.tenant, name)
    if found is None:
        raise NotThere("the centre has no such file")
    contents = await store.lots_of(con, context.tenant, name)
    timeline = await store.timeline(con, context.tenant, name)
    return FileView(**msgspec.structs.asdict(found), contents=contents, timeline=timeline)
