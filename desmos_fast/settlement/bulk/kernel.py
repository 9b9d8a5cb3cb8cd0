# SPDX-License-Identifier: Apache-2.0
"""The kernels that settle lines and lay out what follows, with the meaning that they lack."""

import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from ext.posts import Posts
from ext.settle import Settlement

__all__ = ["Posts", "Settlement", "make_posts"]

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


def make_posts(settlement: Settlement, tenant: UUID, settings: str, actor: str, now: datetime) -> Posts:
    """Name what follows from a settlement that is decided: matches, events and entries get ids of this moment."""
    since = now - _EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return Posts(settlement, tenant.bytes, settings, actor, microseconds, time.time_ns() // 1_000_000)
