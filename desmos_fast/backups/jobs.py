# SPDX-License-Identifier: Apache-2.0
"""What a worker shows of backups: how old the last one is, what would be lost now, what became of trials."""

import asyncio
import contextlib
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from desmos_fast.backups import folder as folders
from desmos_fast.backups import rules, store
from desmos_fast.backups.model import Kept, Server
from desmos_fast.base.clock import Clock
from desmos_fast.base.errors import DesmosError
from desmos_fast.db import health
from desmos_fast.db.pool import AWAY, Pool
from monitoring import saving

EVERY_S: Final = 15.0
log: Final = structlog.get_logger("desmos.backups")


async def show(pool: Pool, folder: Path | None, clock: Clock, every_s: float = EVERY_S) -> None:
    """Show it now and then, until cancelled; without a folder nothing is known and nothing is shown."""
    archive = rules.Archive()
    while folder is not None:
        await look(pool, folder, clock, archive)
        await asyncio.sleep(every_s)


async def look(pool: Pool, folder: Path, clock: Clock, archive: rules.Archive) -> None:
    """Show it. A folder that cannot be read tells nothing: what is absent has its own alert."""
    server: Server | None = None
    with contextlib.suppress(DesmosError, *AWAY):
        async with health.bare(pool) as con:
            server = await store.server(con)
    try:
        kept = await asyncio.to_thread(folders.read, folder)
    except DesmosError as error:
        log.error("the backups cannot be read", error=error.detail)
        kept = Kept([], [])
    _tell(kept, clock(), None if server is None else archive.saved_at(server))


def _tell(kept: Kept, now: datetime, saved: datetime | None) -> None:
    served = [one for one in kept.trials if one.passed]
    saving.set_backups(
        saved_s=kept.backups[-1].begun_at.timestamp() if kept.backups else None,
        size=kept.backups[-1].bytes if kept.backups else 0,
        lost_s=rules.lost_s(now, kept.backups, saved),
        served_s=served[-1].at.timestamp() if served else None,
        failed=not kept.trials[-1].passed if kept.trials else None,
        phases=served[-1].phases if served else {},
    )
