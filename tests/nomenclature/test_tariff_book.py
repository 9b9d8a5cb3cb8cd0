# SPDX-License-Identifier: Apache-2.0
"""The pack that prices: the newest in the database, taken without a restart, asked for seldom, and kept when what is new cannot be read."""

import asyncio
import io
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import asyncpg
import pytest
import structlog

from api import logs
from desmos_fast.db import pool as pools
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from desmos_fast.nomenclature import service, store
from desmos_fast.nomenclature.service import NoPack, TariffBook
from desmos_fast.nomenclature.tariffs import DEFAULT_PACK, Tariffs, TariffsInvalid, load_tariffs
from tests.db.databases import Place
from tests.nomenclature.packs import SHIPPED, held, small, with_line

BEFORE, AFTER = date(2027, 1, 31), date(2027, 2, 1)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    logs.configure("info", stream := io.StringIO())
    yield stream
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


def future(folder: Path, price: int) -> Path:
    """Write a pack in which the visit to a general practitioner has another price from February 2027 on."""
    folder.mkdir(exist_ok=True)
    return small(folder, prices=f"G,,{price},{AFTER},,L,a price of a test")


async def load(place: Place, folder: Path) -> service.PackReport:
    async with direct(place.owner_dsn) as con:
        return await service.import_tariffs(con, service.check_tariffs(folder))


async def current(place: Place, book: TariffBook) -> Tariffs:
    async with direct(place.app_dsn) as con:
        return await book.current(con)


def price(pack: Tariffs, day: date) -> int:
    """Return the price of a visit to a general practitioner."""
    found = held(pack, "prices", day, code="G", specialty="").unit_price
    assert isinstance(found, int)
    return found


async def test_without_an_import_the_pack_of_the_program_prices(place: Place) -> None:
    assert await current(place, TariffBook()) is load_tariffs()


async def test_a_pack_is_taken_by_who_runs_and_changes_no_price_before_its_day(place: Place, tmp_path: Path, log: io.StringIO) -> None:
    book = TariffBook(poll_s=0)
    old = await current(place, book)
    report = await load(place, future(tmp_path, 3333))
    assert (report.name, report.version, report.number, report.outcome) == ("centre-1", "7", 1, "imported")
    new = await current(place, book)
    assert (new.name, new.version) == ("centre-1", "7")
    assert price(old, AFTER) == price(old, BEFORE) == price(new, BEFORE) == 3000
    assert price(new, AFTER) == 3333
    assert await current(place, book) is new
    assert log.getvalue().count("a newer tariff pack prices") == 1
    # One that starts now takes it too, and sees the same rows.
    assert (await current(place, TariffBook())).rows == new.rows


async def test_the_same_pack_again_is_kept_once_and_an_older_one_can_come_back(place: Place, tmp_path: Path) -> None:
    first, second = future(tmp_path / "a", 3100), future(tmp_path / "b", 3200)
    reports = [await load(place, folder) for folder in (first, first, second, first)]
    assert [(report.number, report.outcome) for report in reports] == [(1, "imported"), (1, "unchanged"), (2, "imported"), (3, "imported")]
    assert price(await current(place, TariffBook()), AFTER) == 3100


async def test_the_whole_pack_of_the_program_goes_through_the_database(place: Place) -> None:
    assert (await load(place, SHIPPED)).outcome == "imported"
    found = await current(place, TariffBook())
    assert found is not load_tariffs()
    assert (found.name, found.rows, found.warnings) == (DEFAULT_PACK, load_tariffs().rows, load_tariffs().warnings)


async def test_the_setting_of_an_installation_comes_before_the_database(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load(place, future(tmp_path / "a", 3100))
    load_tariffs.cache_clear()
    monkeypatch.setenv("DESMOS_TARIFFS", str(future(tmp_path / "b", 3200)))
    try:
        assert price(await current(place, TariffBook()), AFTER) == 3200
    finally:
        load_tariffs.cache_clear()


async def test_the_database_is_asked_seldom_and_by_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    newest_pack = store.newest_pack

    async def count(con: Connection) -> int | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return await newest_pack(con)

    monkeypatch.setattr(store, "newest_pack", count)
    seldom, always = TariffBook(poll_s=60), TariffBook(poll_s=0)
    found = await asyncio.gather(*(current(place, seldom) for _ in range(10)))
    assert asked == 1
    assert {id(pack) for pack in found} == {id(load_tariffs())}
    for _ in range(3):
        await current(place, always)
    assert asked == 4


def asks(book: TariffBook) -> bool:
    return book._asking is not None


async def test_a_newer_pack_is_asked_for_before_anybody_must(place: Place, tmp_path: Path) -> None:
    pool = await pools.create(place.app_dsn, 1)
    try:
        book = TariffBook(pool, poll_s=3600)
        old = await current(place, book)
        assert book.known() is old and not asks(book), "it is too early"
        await load(place, future(tmp_path, 3150))
        until = book._next
        book._next = until - 1900
        assert book.known() is old and asks(book)
        await book.close()
        newer = book.known()
        assert newer is not None and price(newer, AFTER) == 3150
        assert book._next >= until and not asks(book)
    finally:
        await pool.close()
    # While nobody can be asked the old one is known until its time is over, and no longer.
    book._next = until - 1900
    assert book.known() is newer
    await book.close()
    assert book._next == until - 1900
    book._next = 0.0
    assert book.known() is None


async def test_requests_go_on_with_the_old_pack_while_the_new_one_is_read(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = TariffBook(poll_s=0)
    old = await current(place, book)
    await load(place, future(tmp_path, 3100))
    reading, go_on = asyncio.Event(), asyncio.Event()
    read_pack = store.read_pack

    async def slowly(con: Connection, number: int) -> store.Pack | None:
        reading.set()
        await go_on.wait()
        return await read_pack(con, number)

    monkeypatch.setattr(store, "read_pack", slowly)
    first = asyncio.create_task(current(place, book))
    await reading.wait()
    assert await asyncio.wait_for(current(place, book), 5) is old
    go_on.set()
    assert price(await first, AFTER) == 3100


async def test_a_pack_that_cannot_be_read_leaves_the_one_before(place: Place, tmp_path: Path, log: io.StringIO) -> None:
    await load(place, future(tmp_path, 3100))
    book = TariffBook(poll_s=0)
    old = await current(place, book)
    async with place.admin() as con:
        await con.execute(
            "INSERT INTO tariff_pack (number, name, version, sha256, files) SELECT 2, name, '8', sha256, '{}' FROM tariff_pack"
        )
    assert await current(place, book) is old
    assert "a newer tariff pack cannot be read" in log.getvalue()
    with pytest.raises(TariffsInvalid):
        await current(place, TariffBook())
    async with place.admin() as con:
        await con.execute("DELETE FROM tariff_pack WHERE number = 2")
    assert await current(place, book) is old


async def test_a_database_that_fails_undoes_nothing_of_the_request(place: Place, log: io.StringIO) -> None:
    book = TariffBook(poll_s=0)
    old = await current(place, book)
    async with place.admin() as con:
        await con.execute("REVOKE SELECT ON tariff_pack FROM desmos_app")
    async with direct(place.app_dsn) as con:
        assert await book.current(con) is old
        assert await con.fetchval("SELECT 1") == 1
    assert "InsufficientPrivilegeError" in log.getvalue()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await current(place, TariffBook())


def test_an_unsound_folder_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(TariffsInvalid, match=r"copie-1/rates\.csv"):
        service.check_tariffs(with_line(tmp_path, "rates.csv", "doctor,10,no,170,2030-01-01,,H,more than everything"))
    with pytest.raises(TariffsInvalid):
        service.check_tariffs(tmp_path / "absent")
    (tmp_path / "nul").mkdir()
    (tmp_path / "nul" / "pack.csv").write_bytes(b"name,version,extends,note\ncentre-1,7,,\0\n")
    with pytest.raises(NoPack):
        service.check_tariffs(tmp_path / "nul")
