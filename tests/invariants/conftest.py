# SPDX-License-Identifier: Apache-2.0
"""A house that lived a day; what a test breaks in its rows is rolled back, what it breaks in its folders is a copy."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from desmos_fast.base.types import TenantId
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.pool import Connection
from desmos_fast.db.roles import APP, OWNER
from desmos_fast.db.tenant import SET_TENANT
from desmos_fast.invariants import store
from desmos_fast.invariants.service import Place as Where
from tests.db.databases import Place, empty
from tests.invariants.lived import FINESS, live


@dataclass(frozen=True)
class Lived:
    """The house, and the first of its two centres."""

    place: Place
    where: Where
    tenant: TenantId


@pytest.fixture(scope="session")
def day(cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Let two centres live a day."""
    folder = tmp_path_factory.mktemp("lived")
    with empty(cluster, template=template) as place:
        tenants = asyncio.run(live(place, folder))
        yield Lived(place, Where(place.owner_dsn, place.app_dsn, folder), tenants[FINESS[0]])


@pytest.fixture
def lived(day: Lived, tmp_path: Path) -> Lived:
    """Give the house with a data folder of the test's own; its rows are everybody's and stay as they are."""
    shutil.copytree(day.where.data_dir, tmp_path / "data")
    return Lived(day.place, Where(day.where.owner_dsn, day.where.app_dsn, tmp_path / "data"), day.tenant)


@pytest.fixture
async def breaker(lived: Lived, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connection]:
    """Give a connection above every rule, whose transaction the checks look into, each under its own role, and which is rolled back."""
    async with lived.place.admin() as con:

        @asynccontextmanager
        async def inside(dsn: str, tenant: TenantId | None = None) -> AsyncIterator[Connection]:
            await con.execute(f"SET LOCAL ROLE {APP if dsn == lived.where.app_dsn else OWNER}")
            await con.execute(SET_TENANT, "" if tenant is None else str(tenant))
            yield con
            await con.execute("RESET ROLE")

        monkeypatch.setattr(store, "reading", inside)
        transaction = con.transaction()
        await transaction.start()
        # No trigger and no foreign key stands in the way of what a test breaks.
        await con.execute("SET LOCAL session_replication_role = replica")
        yield con
        await transaction.rollback()
