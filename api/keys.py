# SPDX-License-Identifier: Apache-2.0
"""Typed keys of what the application and each request hold."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from api.admission import Parted, Shares
from api.figures import Counting
from api.together import Together
from desmos_fast.base.clock import Clocks
from desmos_fast.base.settings import Deadlines, WebhookHosts
from desmos_fast.base.window import Hours
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import Pool
from desmos_fast.identity.audit.service import Trail
from desmos_fast.identity.lookups.model import Ceiling
from desmos_fast.identity.model import Caller
from desmos_fast.identity.oidc.service import Gateway
from desmos_fast.identity.options.service import OptionBook
from desmos_fast.identity.people.signing import Door
from desmos_fast.identity.review.service import Uses
from desmos_fast.identity.service import KeyBook
from desmos_fast.nomenclature.service import TariffBook
from desmos_fast.notices.sender import Mailer


@dataclass
class Life:
    """Where the process stands: leaving once it was asked to stop, closed once it takes no new work.

    `replaced` when another serves in its place, so that the service is ready all the same.
    `running` counts the requests being answered; `lag_s` is how late the loop woke up last.
    """

    leaving: bool = False
    closed: bool = False
    replaced: bool = False
    running: int = 0
    lag_s: float = 0.0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """Count one request in."""
        self.running += 1

    def end(self) -> None:
        """Count one request out, and wake who waits for the last."""
        self.running -= 1
        if not self.running:
            self.idle.set()

    async def drained(self) -> None:
        """Wait until nothing runs."""
        while self.running:
            self.idle.clear()
            await self.idle.wait()


LIFE: Final = web.AppKey("life", Life)
POOL: Final = web.AppKey("pool", Pool)
KEYRING: Final = web.AppKey("keyring", Keyring)
OPTIONS: Final = web.AppKey("options", OptionBook)
# What each route answers with of which a part may be asked for.
ANSWERS: Final[web.AppKey[dict[str, Any]]] = web.AppKey("answers", dict)
TRAIL: Final = web.AppKey("trail", Trail)
TARIFFS: Final = web.AppKey("tariffs", TariffBook)
KEYS: Final = web.AppKey("keys", KeyBook)
DOOR: Final = web.AppKey("door", Door)
USES: Final = web.AppKey("uses", Uses)
GATEWAY: Final = web.AppKey("gateway", Gateway)
HOURS: Final = web.AppKey("hours", Hours)
CLOCK: Final = web.AppKey("clock", Clocks)
DEADLINES: Final = web.AppKey("deadlines", Deadlines)
BULK: Final = web.AppKey("bulk", Parted)
STREAMS: Final = web.AppKey("streams", Parted)
SHARES: Final = web.AppKey("shares", Shares)
# The same of what is read.
READS: Final = web.AppKey("reads", Shares)
TOGETHER: Final = web.AppKey("together", Together)
WEBHOOK_HOSTS: Final[web.AppKey[WebhookHosts]] = web.AppKey("webhook_hosts")
MAILER: Final[web.AppKey[Mailer | None]] = web.AppKey("mailer")
COUNTING: Final = web.AppKey("counting", Counting)
CALLER: Final = web.RequestKey("caller", Caller)
# How many a file that is no JSON holds, where the room can tell.
ITEMS: Final = web.RequestKey("items", int)
# Under which ceiling the look at patients' data is counted that a request is.
CEILING: Final = web.RequestKey("ceiling", Ceiling)
REQUEST_ID: Final = web.RequestKey("request_id", str)
