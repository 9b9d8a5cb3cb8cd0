# SPDX-License-Identifier: Apache-2.0
"""Names that one transaction holds at a time."""

from typing import Final

from desmos_fast.db.pool import Connection

HOLD: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 5))"


async def hold(con: Connection, name: str) -> None:
    """Wait until nobody else holds a name, and hold it until the transaction ends."""
    await con.execute(HOLD, name)
