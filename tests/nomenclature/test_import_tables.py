# SPDX-License-Identifier: Apache-2.0
"""National tables in the database: what begins, what ends, on which day, and what an import that fails leaves."""

import asyncio
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from desmos_fast.base.errors import NotThere
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from desmos_fast.nomenclature import service
from desmos_fast.nomenclature.importer import Refused, TableFile, read_file
from desmos_fast.nomenclature.service import TableReport
from desmos_fast.nomenclature.store import HeldCode, NotWritable
from tests.db.databases import Place

HEADER: Final = "RGM_GRG_COD;RGM_COD;RGM_LIB;RGM_COM;TOP_CPI;TEC_COL"
ORG: Final = (Path(__file__).parent / "national" / "IR_ORG_V.csv").read_text(encoding="utf-8").splitlines()[0]
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
LAST_OF_JANUARY: Final = date(2026, 1, 31)


def table(**labels: str) -> TableFile:
    """Make the table of small regimes from code and label; one of two parts has the second as its remark."""
    rows = [f"1;{code.strip('_')};{label.partition('|')[0]};{label.partition('|')[2]};0;0" for code, label in labels.items()]
    return read_file("IR_RGM_V.csv", "\n".join([HEADER, *rows, ""]).encode())


async def load(place: Place, read: TableFile, since: date) -> TableReport:
    async with direct(place.owner_dsn) as con:
        return await service.import_table(con, read, since)


async def held(place: Place, on: date, name: str = "IR_RGM") -> dict[str, HeldCode]:
    async with direct(place.app_dsn) as con:
        return {row.code: row for row in await service.held(con, name, None, on)}


def counts(report: TableReport) -> tuple[str, int, int, int]:
    return report.outcome, report.added, report.changed, report.ended


async def test_a_first_import_begins_every_code(place: Place) -> None:
    read = table(_1="UN", _2="DEUX|remarque")
    report = await load(place, read, JANUARY)
    assert counts(report) == ("imported", 2, 0, 0)
    assert (report.table, report.file, report.codes, report.since) == ("IR_RGM", "IR_RGM_V.csv", 2, JANUARY)
    assert report.first == {"added": ["1/1", "1/2"], "changed": [], "ended": []}
    assert await held(place, JANUARY) == {
        "1/1": HeldCode("1/1", JANUARY, None, "UN", {"TOP_CPI": "0", "TEC_COL": "0"}, 1),
        "1/2": HeldCode("1/2", JANUARY, None, "DEUX", {"RGM_COM": "remarque", "TOP_CPI": "0", "TEC_COL": "0"}, 1),
    }
    with pytest.raises(NotThere, match="2025-12-31"):
        await held(place, date(2025, 12, 31))


async def test_the_same_file_changes_nothing_and_leaves_no_trace(place: Place) -> None:
    read = table(_1="UN", _2="DEUX")
    await load(place, read, JANUARY)
    before = await held(place, FEBRUARY)
    report = await load(place, read, FEBRUARY)
    assert (counts(report), report.since) == (("unchanged", 0, 0, 0), JANUARY)
    assert await held(place, FEBRUARY) == before
    async with place.admin() as con:
        assert await con.fetchval("SELECT count(*) FROM nomenclature_import") == 1


async def test_a_newer_file_ends_changes_and_begins_codes_on_its_day(place: Place) -> None:
    await load(place, table(_1="UN", _2="DEUX", _3="TROIS", _4="QUATRE"), JANUARY)
    report = await load(place, table(_1="UN", _2="DEUX BIS", _3="TROIS|autrement", _5="CINQ"), FEBRUARY)
    assert counts(report) == ("imported", 1, 2, 1)
    assert report.first == {"added": ["1/5"], "changed": ["1/2", "1/3"], "ended": ["1/4"]}
    before, after = await held(place, LAST_OF_JANUARY), await held(place, FEBRUARY)
    assert {code: row.label for code, row in before.items()} == {"1/1": "UN", "1/2": "DEUX", "1/3": "TROIS", "1/4": "QUATRE"}
    assert {code: row.until for code, row in before.items()} == {
        "1/1": None, "1/2": LAST_OF_JANUARY, "1/3": LAST_OF_JANUARY, "1/4": LAST_OF_JANUARY,
    }  # fmt: skip
    assert {code: (row.label, row.since, row.number) for code, row in after.items()} == {
        "1/1": ("UN", JANUARY, 1), "1/2": ("DEUX BIS", FEBRUARY, 2), "1/3": ("TROIS", FEBRUARY, 2), "1/5": ("CINQ", FEBRUARY, 2),
    }  # fmt: skip
    assert after["1/3"].data["RGM_COM"] == "autrement"


async def test_the_log_keeps_what_each_import_did(place: Place) -> None:
    first, second = table(_1="UN", _2="DEUX"), table(_1="EIN")
    await load(place, first, JANUARY)
    await load(place, second, FEBRUARY)
    async with place.admin() as con:
        rows = await con.fetch("SELECT *, now() - imported_at < '1 min' AS fresh FROM nomenclature_import ORDER BY number")
    names = ("nomenclature", "number", "since", "file", "sha256", "codes", "added", "changed", "ended", "fresh")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("IR_RGM", 1, JANUARY, "IR_RGM_V.csv", first.sha256, 2, 2, 0, 0, True),
        ("IR_RGM", 2, FEBRUARY, "IR_RGM_V.csv", second.sha256, 1, 0, 1, 1, True),
    ]


async def test_a_code_that_comes_back_begins_anew(place: Place) -> None:
    await load(place, table(_1="UN", _2="DEUX"), JANUARY)
    await load(place, table(_1="UN"), FEBRUARY)
    assert counts(await load(place, table(_1="UN", _2="DEUX"), MARCH)) == ("imported", 1, 0, 0)
    assert "1/2" in await held(place, LAST_OF_JANUARY)
    assert "1/2" not in await held(place, FEBRUARY)
    assert (await held(place, MARCH))["1/2"].since == MARCH


async def test_a_second_file_of_one_day_replaces_what_the_first_began(place: Place) -> None:
    await load(place, table(_1="UN", _2="DEUX"), JANUARY)
    await load(place, table(_1="FAUX", _3="FAUX"), FEBRUARY)
    report = await load(place, table(_1="JUSTE", _2="DEUX"), FEBRUARY)
    assert counts(report) == ("imported", 1, 1, 1)
    assert {code: row.label for code, row in (await held(place, LAST_OF_JANUARY)).items()} == {"1/1": "UN", "1/2": "DEUX"}
    assert {code: row.label for code, row in (await held(place, FEBRUARY)).items()} == {"1/1": "JUSTE", "1/2": "DEUX"}
    async with place.admin() as con:
        assert await con.fetchval("SELECT count(*) FROM nomenclature_code WHERE label = 'FAUX'") == 0


async def test_the_past_does_not_change(place: Place) -> None:
    await load(place, table(_1="UN"), FEBRUARY)
    with pytest.raises(Refused) as refused:
        await load(place, table(_1="EIN"), LAST_OF_JANUARY)
    [fault] = refused.value.faults
    assert (fault.code, fault.file, fault.value) == ("nomenclature_too_early", "IR_RGM_V.csv", "2026-01-31")
    assert {row.label for row in (await held(place, MARCH)).values()} == {"UN"}


async def test_tables_do_not_touch_each_other(place: Place) -> None:
    await load(place, table(_1="UN"), JANUARY)
    await load(place, read_file("IR_MTM_V.csv", b"MTM_NAT;MTM_LIB;TEC_COL\n1/1;INVENTE;0\n"), FEBRUARY)
    assert (await held(place, FEBRUARY))["1/1"].label == "UN"
    assert (await held(place, FEBRUARY, "IR_MTM"))["1/1"].label == "INVENTE"
    async with direct(place.app_dsn) as con:
        assert [(last.table, last.number, last.codes, last.since) for last in await service.imported(con)] == [
            ("IR_MTM", 1, 1, FEBRUARY), ("IR_RGM", 1, 1, JANUARY),
        ]  # fmt: skip
        with pytest.raises(NotThere, match="no national table"):
            await service.held(con, "IR_ZZZ", None, JANUARY)
        with pytest.raises(NotThere, match="1/9"):
            await service.held(con, "IR_RGM", "1/9", JANUARY)


async def test_several_tables_in_one_transaction_are_imported_all_or_none(place: Place) -> None:
    nature = read_file("IR_MTM_V.csv", b"MTM_NAT;MTM_LIB;TEC_COL\n1;INVENTE;0\n")
    with pytest.raises(ZeroDivisionError):
        async with direct(place.owner_dsn) as con:
            await service.import_table(con, nature, JANUARY)
            await service.import_table(con, table(_1="UN"), JANUARY)
            raise ZeroDivisionError
    async with direct(place.app_dsn) as con:
        assert await service.imported(con) == []


async def test_imports_at_once_wait_for_each_other(place: Place) -> None:
    files = [table(_1="UN", **{f"_{number}": "X"}) for number in range(2, 6)]
    reports = await asyncio.gather(*(load(place, read, JANUARY) for read in files))
    assert sorted(report.added for report in reports) == [1, 1, 1, 2]
    assert len(await held(place, JANUARY)) == 2
    async with place.admin() as con:
        assert await con.fetchval("SELECT array_agg(number ORDER BY number) FROM nomenclature_import") == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["nomenclature_import", "nomenclature_code", "tariff_pack"])
async def test_the_role_that_serves_reads_and_writes_nothing(place: Place, name: str) -> None:
    async with direct(place.app_dsn) as con:
        assert await con.fetchval(f"SELECT count(*) FROM {name}") == 0
    for statement in (f"DELETE FROM {name}", f"INSERT INTO {name} DEFAULT VALUES", f"TRUNCATE {name}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with direct(place.app_dsn) as con:
                await con.execute(statement)
    with pytest.raises(NotWritable):
        async with direct(place.app_dsn) as con:
            await service.import_table(con, table(_1="UN"), JANUARY)


def organisms(numbers: Iterable[int], centre: str = "001") -> TableFile:
    """Make a table of organisms of one form with the real one: 21 columns, most of them filled."""
    rows = [f"01C{n:06d};1;17;13;67;44;;01C{n // 100:04d};C;{n % 97:03d};224;{n:06d};;{centre};;{n % 1000:03d};;;;0;0" for n in numbers]
    return read_file("IR_ORG_V.csv", "\n".join([ORG, *rows, ""]).encode())


def used(con: Connection) -> float:
    """Return the seconds of processor that we and the server's process behind `con` have used."""
    fields = Path(f"/proc/{con.get_server_pid()}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / 100


async def test_sixty_thousand_codes_take_less_than_two_seconds(place: Place) -> None:
    # Seconds of processor: a machine that does something else too must not fail this.
    async with direct(place.owner_dsn) as con:
        before = used(con)
        report = await service.import_table(con, organisms(range(60_000)), JANUARY)
        assert used(con) - before < 2.0
    assert counts(report) == ("imported", 60_000, 0, 0)
    assert len(report.first["added"]) == service.EXAMPLES
    async with direct(place.owner_dsn) as con:
        before = used(con)
        report = await service.import_table(con, organisms(range(600, 60_500)), FEBRUARY)
        assert used(con) - before < 2.0
    assert counts(report) == ("imported", 500, 0, 600)
    async with direct(place.owner_dsn) as con:
        report = await service.import_table(con, organisms(range(600, 60_500), centre="002"), MARCH)
    assert counts(report) == ("imported", 0, 59_900, 0)
    days = (JANUARY, LAST_OF_JANUARY, FEBRUARY, MARCH)
    assert [len(await held(place, day, "IR_ORG")) for day in days] == [60_000, 60_000, 59_900, 59_900]
