# SPDX-License-Identifier: Apache-2.0
"""The same service with one transaction for each request, as without shared commits: `python -m loadtests.peers.alone serve …`."""

import asyncio
from typing import Any, Final

import api.invoices
from api.together import Together
from desmos_fast.billing import service
from desmos_fast.billing.intake import Terms
from desmos_fast.db.idempotency import Answer, Asked, once
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context

ROUTE: Final = "/v1/invoices"


class Alone(Together):
    """Sign each invoice in a transaction of its own, as many at once as a centre may."""

    def submit(self, way: Any, asked: Asked, body: bytes) -> "asyncio.Future[Answer]":
        """Return the answer of one request once it is on disk."""
        return asyncio.get_running_loop().create_task(self._alone(way, asked, body))

    async def _alone(self, way: Any, asked: Asked, body: bytes) -> Answer:
        tenant = way.caller.tenant
        context = Context(way.caller, self._keyring.of(tenant), self._clock())

        async def effect(con: Connection) -> Answer:
            terms = Terms(await self._tariffs.current(con), way.allow_late)
            (made,) = await service.create_each(con, context, [body], terms, draft=way.draft, explain=way.explain)
            if isinstance(made, Exception):
                raise made
            return self._answer(made)

        async with self._shares.slot(tenant):
            return await once(self._pool, tenant, ROUTE, asked.key, asked.fingerprint, effect)


def main() -> None:
    """Run the program with it."""
    from desmos_fast.cli import app

    setattr(api.invoices, "Together", Alone)  # noqa: B010  # the type of a module does not let it be replaced
    app()


if __name__ == "__main__":
    main()
