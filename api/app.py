# SPDX-License-Identifier: Apache-2.0
"""The application: the one place where its parts are put together."""

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from api import (
    access,
    accounting,
    agents,
    auth,
    bank,
    channel,
    clock,
    contacts,
    dashboard,
    decisions,
    desk,
    files,
    follow,
    followup,
    health,
    incidents,
    invoices,
    ledger,
    lots,
    matches,
    matching,
    oidc,
    openapi,
    options,
    payments,
    quotes,
    readers,
    reconciliations,
    rejects,
    reminders,
    returns,
    schedule,
    sessions,
    users,
    webhooks,
)
from api.admission import READ_WAIT_S, Parted, Shares
from api.body import LIMIT
from api.figures import Counting
from api.keys import (
    BULK,
    CLOCK,
    COUNTING,
    DEADLINES,
    DOOR,
    GATEWAY,
    HOURS,
    KEYRING,
    KEYS,
    LIFE,
    MAILER,
    OPTIONS,
    POOL,
    READS,
    SHARES,
    TARIFFS,
    TRAIL,
    USES,
    WEBHOOK_HOSTS,
    Life,
)
from api.middlewares import guard
from desmos_fast.base.clock import Clock, Clocks, system_clock
from desmos_fast.base.settings import Settings
from desmos_fast.base.window import Hours
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.masters import following
from desmos_fast.db.pool import Pool
from desmos_fast.db.secrets import secret
from desmos_fast.identity.audit.service import Trail
from desmos_fast.identity.clocks import service as clocks
from desmos_fast.identity.oidc.service import Gateway
from desmos_fast.identity.options.service import OptionBook
from desmos_fast.identity.people.policy import load_policy
from desmos_fast.identity.people.signing import Door
from desmos_fast.identity.review.service import Uses
from desmos_fast.identity.service import KeyBook
from desmos_fast.nomenclature.service import TariffBook
from desmos_fast.notices.reading import open_mailer


def make_app(settings: Settings, pool: Pool, keyring: Keyring, *, clock: Clock = system_clock) -> web.Application:
    """Put the application together over a pool that the caller opened and closes."""
    app = web.Application(middlewares=[guard], client_max_size=LIMIT)
    if settings.otlp is not None:
        from api import tracing

        tracing.set_up(app, settings.otlp)
    app[LIFE] = Life()
    app[POOL] = pool
    app[KEYRING] = keyring
    app[KEYS] = KeyBook(pepper := secret(settings, "api_keys"))
    app[DOOR] = door = Door(pool, load_policy(settings.identity), pepper, keyring, sealing := secret(settings, "people"))
    app[GATEWAY] = Gateway(pool, door, sealing)
    app[USES] = Uses()
    app[OPTIONS] = OptionBook(pool)
    app[TRAIL] = Trail(pool)
    app[TARIFFS] = TariffBook(pool)
    app[CLOCK] = Clocks(clock)
    app[HOURS] = Hours()
    app[DEADLINES] = settings.deadlines
    app[WEBHOOK_HOSTS] = settings.webhook_hosts
    app[MAILER] = open_mailer(settings.mail)
    app[BULK] = Parted()
    size = pool.get_max_size()
    app[SHARES] = Shares(max(1, size // 2))
    # Beside the one that hears the other processes two are left, whatever one centre reads at once: for all others, and for what it writes.
    app[READS] = Shares(max(1, size // 2, size - 3), READ_WAIT_S)
    app[COUNTING] = Counting(pool, app[CLOCK])
    app.cleanup_ctx.append(health.watch_loop)
    app.cleanup_ctx.append(health.counting)
    app.cleanup_ctx.append(auth.noting)
    app.cleanup_ctx.append(sessions.telling)
    app.cleanup_ctx.append(_following)
    app.cleanup_ctx.append(invoices.gathering)
    agents.set_up(app, settings, pool)
    openapi.set_up(app)
    desk.set_up(app)
    add_routes(app)
    return app


async def _following(app: web.Application) -> AsyncIterator[None]:
    async with following(app[POOL], app[KEYRING]), clocks.following(app[POOL], app[CLOCK]):
        yield


def add_routes(app: web.Application) -> None:
    """Put every route of the API into an application."""
    for module in (
        access, accounting, bank, clock, contacts, dashboard, decisions, files, follow, followup, health, incidents, invoices, ledger, lots,
        matches, matching, oidc, openapi, options, payments, quotes, reconciliations, rejects, reminders, returns, schedule, sessions,
        users, webhooks,
        agents, channel, desk, readers,
    ):  # fmt: skip
        for route in module.routes:
            assert isinstance(route, web.RouteDef), "the modules declare routes, no folders"
            # What follows a colon is never part of an id: `/v1/files/…:cancel` is one resource and its methods, not two.
            web.RouteDef(route.method, route.path.replace("{id}", "{id:[^/:]+}"), route.handler, route.kwargs).register(app.router)


def described() -> dict[str, Any]:
    """Return the OpenAPI description of the API."""
    app = web.Application()
    add_routes(app)
    return openapi.description(app)
