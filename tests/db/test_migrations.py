# SPDX-License-Identifier: Apache-2.0
"""Migrations apply, apply again, roll back to nothing, and make exactly the committed schema."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pogo_core.util import sql

from desmos_fast.db import migrate as ours
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.migrate import MIGRATIONS
from tests.db.databases import Place, empty
from tests.db.places import ROOT, WHEEL_FOLDER, ask

SCHEMA: Final = ROOT / "desmos_fast" / "db" / "schema.sql"
HEAD: Final = """\
-- What all migrations make; seven of the eight leaves of each partitioned table are left out.
-- Compared by tests/db/test_migrations.py, written by `python -m tests.db.write_schema`.

"""
# What differs from one pg_dump to another, and what says nothing about the schema.
NOISE: Final = re.compile(r"--|SET |SELECT pg_catalog\.|\\(un)?restrict|(CREATE|COMMENT ON) SCHEMA ")
LEAVES: Final = r"--exclude-table=*_[1-7]"
LEFT: Final = """
    SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '%pogo%'
"""
FUNCTIONS: Final = "SELECT string_agg(proname, ' ') FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


@pytest.fixture
def nothing(cluster: Cluster) -> Iterator[Place]:
    with empty(cluster) as place:
        yield place


def run_pogo(place: Place, *, back: bool = False) -> None:
    """Apply or take back our own migrations, without the tables of the queue, which another library makes."""

    async def run() -> None:
        con = await asyncpg.connect(place.owner_dsn)
        try:
            if not back:
                await ours.apply(con)
                return
            for migration in sorted(await sql.read_migrations(MIGRATIONS, con, schema_name="public"), key=lambda one: one.id, reverse=True):
                await migration.load().rollback(con)
                await sql.migration_unapplied(con, migration.id, schema_name="public")
        finally:
            await con.close()

    asyncio.run(run())


def dump(cluster: Cluster, place: Place) -> str:
    """Return the schema as pg_dump tells it, in a form that is the same from version 15 on."""
    program = cluster.binaries / "pg_dump"
    if not program.exists():
        assert WHEEL_FOLDER is not None, "no pg_dump beside the server and none in the wheel"
        program = WHEEL_FOLDER / "pg_dump"
    run = subprocess.run(
        [program, "--schema-only", "--no-owner", "--schema=public", LEAVES, "--exclude-table=_pogo*", place.owner_dsn],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    kept = "\n".join(line for line in run.stdout.splitlines() if not NOISE.match(line))
    # From version 18 on a leaf tells the name that its NOT NULL has from the parent.
    return HEAD + re.sub(r"\n{2,}", "\n\n", re.sub(r"CONSTRAINT \w+_not_null NOT NULL", "NOT NULL", kept)).strip("\n") + "\n"


def test_all_migrations_make_the_committed_schema(cluster: Cluster, nothing: Place) -> None:
    run_pogo(nothing)
    assert dump(cluster, nothing) == SCHEMA.read_text(encoding="utf-8"), "python -m tests.db.write_schema writes it again"


@pytest.mark.parametrize("back", [False, True])
def test_the_order_of_a_folder_changes_nothing(cluster: Cluster, nothing: Place, monkeypatch: pytest.MonkeyPatch, back: bool) -> None:
    """Each file system lists a folder in an order of its own."""
    listed = sorted(MIGRATIONS.iterdir(), reverse=back)
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(listed if folder == MIGRATIONS else [Path(one) for one in os.scandir(folder)]))
    run_pogo(nothing)
    assert dump(cluster, nothing) == SCHEMA.read_text(encoding="utf-8")


def test_the_leaves_left_out_are_like_the_one_shown(cluster: Cluster, nothing: Place) -> None:
    run_pogo(nothing)
    columns = """
        SELECT count(DISTINCT shape) || ' ' || count(*) FROM (
            SELECT regexp_replace(c.relname, '_[0-7]$', '') AS parent, c.relname, string_agg(
                       a.attname || format_type(a.atttypid, a.atttypmod) || a.attnotnull, ',' ORDER BY a.attnum)
                   || coalesce(c.relacl::text, '') || (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = c.oid)
                   || (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = c.oid) AS shape
              FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
             WHERE c.relispartition AND c.relkind = 'r' GROUP BY c.oid, c.relname, c.relacl
        ) AS leaf
    """
    assert ask(nothing.owner_dsn, columns) == "5 40"


def test_a_second_run_changes_nothing(cluster: Cluster, nothing: Place) -> None:
    version = asyncio.run(ours.migrate(nothing.owner_dsn))
    before = dump(cluster, nothing)
    assert asyncio.run(ours.migrate(nothing.owner_dsn)) == version == max(path.stem for path in MIGRATIONS.glob("*.sql"))
    assert dump(cluster, nothing) == before


def test_several_programs_migrate_at_once(nothing: Place) -> None:
    async def run() -> list[str]:
        return await asyncio.gather(*(ours.migrate(nothing.owner_dsn) for _ in range(4)))

    assert set(asyncio.run(run())) == {ours.newest()}


def test_all_migrations_roll_back_to_nothing_and_apply_again(cluster: Cluster, nothing: Place) -> None:
    run_pogo(nothing)
    whole = dump(cluster, nothing)
    run_pogo(nothing, back=True)
    assert ask(nothing.owner_dsn, LEFT) is None
    assert ask(nothing.owner_dsn, FUNCTIONS) is None
    run_pogo(nothing)
    assert dump(cluster, nothing) == whole


def squawk(sql: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    assert program is not None, "squawk-cli is one of the pinned tools"
    return subprocess.run(
        [program, "--config", ROOT / ".squawk.toml", "--reporter", "gcc"], input=sql, capture_output=True, text=True, timeout=60, cwd=ROOT
    )


@pytest.mark.parametrize("path", sorted(MIGRATIONS.glob("*.sql")), ids=lambda path: path.stem)
def test_no_migration_stops_a_service_that_runs(path: Path) -> None:
    applied, back = path.read_text(encoding="utf-8").split("-- migrate: rollback")
    assert back.strip(), "a migration without a way back"
    run = squawk(applied)
    assert run.returncode == 0, run.stdout


def test_the_linter_sees_what_it_is_given() -> None:
    run = squawk("SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '2s'; ALTER TABLE lot ALTER COLUMN number TYPE bigint;")
    assert run.returncode != 0
    assert "changing-column-type" in run.stdout
