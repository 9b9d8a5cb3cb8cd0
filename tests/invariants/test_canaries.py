# SPDX-License-Identifier: Apache-2.0
"""A day of synthetic people leaves no number of any of them in clear: not in a backup of the database, a log, or an answer."""

import io
import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson
import pytest
import structlog

from api import logs
from api.contract.document import OPERATIONS, is_sparse
from desmos_fast.base.settings import load
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.simulator.day import DEFAULT_DAY, Day, line
from desmos_fast.simulator.world import World
from tests.db.databases import Place, empty
from tests.db.places import WHEEL_FOLDER
from tests.invariants.lived import FINESS, SEED, Caller, live, service

# A synthetic person's number, as text and as the bytes of one in hexadecimal; both with or without what separates its parts.
CLEAR = re.compile(rb"[1-478][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?99[ .-]?999[ .-]?[0-9]{3}")
HIDDEN = re.compile(rb"3[1-478](?:20|2e|2d)?(?:3[0-9]){4}(?:39){5}(?:3[0-9]){3}", re.IGNORECASE)


def found(text: bytes) -> list[bytes]:
    """Return what looks like a number."""
    return [*CLEAR.findall(text), *HIDDEN.findall(text)]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    logs.configure("info", stream := io.StringIO())
    yield stream
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


@pytest.fixture
def house(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as place:
        yield place


def dump(cluster: Cluster, place: Place) -> bytes:
    """Return every row of the database as a backup holds it."""
    program = cluster.binaries / "pg_dump"
    if not program.exists():
        assert WHEEL_FOLDER is not None
        program = WHEEL_FOLDER / "pg_dump"
    done = subprocess.run([program, "--data-only", place.admin_dsn], capture_output=True, timeout=60, check=True)
    return done.stdout


def test_what_looks_for_numbers_finds_them() -> None:
    number = b"1850799999901"
    for text in (number, b"x" + number + b"42x", b"1 85 07 99 999 901", number.hex().encode(), b'{"nir":"' + number + b'"}'):
        assert found(text), text
    assert not found(b"01a21537-ba10-7207-9199-351346f1a61d") and not found(b"199999 2026-11-26")


async def test_no_number_of_a_day_stands_anywhere_in_clear(cluster: Cluster, house: Place, log: io.StringIO, tmp_path: Path) -> None:
    tenants = await live(house, tmp_path / "data", FINESS[:1])
    people = [orjson.loads(line(one))["insured_nir"].encode() for one in Day(World(SEED, finess=FINESS[0]), DEFAULT_DAY).invoices(120)]
    assert len(set(people)) > 20 and all(found(one) for one in people), "the day is of people whose numbers would be found"
    async with direct(house.owner_dsn) as con:
        key = await identity.new_key(con, FINESS[0], "test", pepper=secret(load(), "api_keys"))
    async with service(house) as (url, _), aiohttp.ClientSession() as session:
        caller = Caller(session, url, key)
        # Put where no number belongs: each way is refused, and told without it.
        for path, body in (
            ("/v1/invoices", orjson.dumps({"insured_nir": people[0].decode(), "acts": people[1].decode()})), ("/v1/webhooks", people[0]),
            ("/v1/returns", b"000" + people[0]), ("/v1/bank-statements", people[0]), ("/v1/decisions", b'{"subject":"%b"}' % people[0]),
            ("/v1/contacts", b'{"name":"%b","mail":"a@b.example"}' % people[0]), (f"/v1/quotes?on={people[0].decode()}", b"{}"),
        ):  # fmt: skip
            status = await caller.send(path, body)
            assert status in (201, 400, 422), (path, status)
        for path in sorted(path for (_, path), one in OPERATIONS.items() if is_sparse(one) and "{" not in path):
            assert not found(orjson.dumps(await caller.get(path))), path
            assert not found(orjson.dumps(await caller.get(f"{path}?fields={people[0].decode()}"))), path
        async with direct(house.owner_dsn, tenants[FINESS[0]]) as con:
            invoices = [row[0] for row in await con.fetch("SELECT id FROM invoice LIMIT 20")]
        for invoice in invoices:
            assert not found(orjson.dumps(await caller.get(f"/v1/invoices/{invoice}")))
    whole = dump(cluster, house)
    assert b"invoice" in whole and len(whole) > 500_000
    assert found(whole) == []
    assert len(log.getvalue()) > 10_000 and found(log.getvalue().encode()) == []
