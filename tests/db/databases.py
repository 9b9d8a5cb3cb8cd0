# SPDX-License-Identifier: Apache-2.0
"""Databases of a test's own: empty ones, and migrated ones copied from a template."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.migrate import migrate
from desmos_fast.db.pool import Connection
from desmos_fast.db.roles import OWNER
from desmos_fast.db.tenant import direct
from tests.db.places import ask

_numbers: Final = itertools.count(1)


@dataclass(frozen=True, repr=False)
class Place:
    """One database and the ways to it: superuser, owner of the tables, role that serves."""

    name: str
    admin_dsn: str
    owner_dsn: str
    app_dsn: str

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Connection]:
        """Give a connection above every rule, for what a test breaks on purpose."""
        con: Connection = await asyncpg.connect(self.admin_dsn, timeout=10)
        try:
            yield con
        finally:
            await con.close()

    @asynccontextmanager
    async def app(self, tenant: UUID) -> AsyncIterator[Connection]:
        """Give a transaction of the role that serves, which sees one tenant."""
        async with direct(self.app_dsn, tenant) as con:
            yield con

    async def centre(self) -> TenantId:
        """Register a centre that no other test has."""
        tenant = TenantId(uuid7())
        finess = f"75{next(_numbers):07d}"
        async with direct(self.owner_dsn) as con:
            await con.execute("INSERT INTO centre (tenant_id, finess, name) VALUES ($1, $2, 'Centre de test')", tenant, finess)
        return tenant


@contextmanager
def empty(cluster: Cluster, template: str = "template0") -> Iterator[Place]:
    """Give a database of its own, and drop it with whoever is still in it."""
    name = f"test_{next(_numbers)}"
    ask(cluster.admin_dsn(), f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}", "SELECT 1")
    try:
        yield Place(name, cluster.admin_dsn(name), cluster.owner_dsn(name), cluster.app_dsn(name))
    finally:
        ask(cluster.admin_dsn(), f"DROP DATABASE {name} WITH (FORCE)", "SELECT 1")


@contextmanager
def migrated_template(cluster: Cluster) -> Iterator[str]:
    """Give the name of a migrated database that others are copied from."""
    logging.getLogger("pogo_core").setLevel(logging.ERROR)
    with empty(cluster) as place:
        asyncio.run(migrate(place.owner_dsn))
        yield place.name
