# SPDX-License-Identifier: Apache-2.0
"""The books are exported period by period: nothing twice, nothing left out, the same bytes each time, and to the cent the ledger."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db import journal
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context, without_key
from desmos_fast.settlement.accounting import rules, service
from desmos_fast.settlement.accounting.check import Report, check
from desmos_fast.settlement.accounting.formats.fec import HEAD
from desmos_fast.settlement.accounting.model import AccountingRefused, ExportAsked, Format, PeriodClosed, PeriodOpen
from desmos_fast.settlement.accounting.service import Volume
from tests.api.conftest import MASTER, Desk
from tests.oracle.fec import judge
from tests.settlement.accounting.books import AMC, AMO

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def at(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def bill(number: int, amount: int = 2100, payer: str = AMO) -> Entry:
    return ledger.signed(f"750000018/{number}", [Due(payer, Cents(amount))])


def paid(number: int, amount: int = 2100, payer: str = AMO) -> Entry:
    return ledger.line_matched(f"o:1#{number}", payer, f"750000018/{number}", Cents(amount))


async def post(desk: Desk, when: datetime, *entries: Entry) -> None:
    async with transaction(desk.house.pool, desk.tenant) as con:
        await journal.post(con, desk.tenant, when, entries)


def context(desk: Desk, now: datetime = NOW) -> Context:
    return without_key(desk.tenant, desk.finess, Keyring(MASTER).of(desk.tenant), now, "operator")


async def siren(desk: Desk, **more: object) -> None:
    async with transaction(desk.house.pool, desk.tenant) as con:
        await service.put_settings(con, context(desk), msgspec.json.encode({"siren": "123456782", **more}))


async def export(
    desk: Desk, period: str | ExportAsked, wanted: Format = "fec", *, draft: bool = False, now: datetime = NOW
) -> tuple[Volume, bytes]:
    asked = ExportAsked(period=period, draft=draft) if isinstance(period, str) else period
    async with transaction(desk.house.pool, desk.tenant) as con:
        volume = await service.close(con, context(desk, now), asked)
        return volume, b"".join([block async for block in service.write(con, context(desk, now), volume, wanted)])


def read(content: bytes) -> list[dict[str, str]]:
    rows = content.decode("iso-8859-15").rstrip("\r\n").split("\r\n")[1:]
    return [dict(zip(HEAD, row.split("\t"), strict=True)) for row in rows]


def sound(content: bytes) -> Report:
    report = check(content.splitlines(keepends=True))
    assert report.sound, report.findings
    assert judge(content) == set()
    return report


async def autumn(desk: Desk) -> None:
    """Post two months: an invoice paid within October, one paid in November, and money of the bank."""
    await siren(desk)
    await post(desk, at("2026-10-01"), bill(1), bill(2, 900, AMC), bill(3, 500, "patient"))
    await post(desk, at("2026-10-20"), paid(1), ledger.credit_unmatched("f:1", "30002005500000157845Z", Cents(2100)))
    await post(desk, at("2026-11-03"), paid(2, 900, AMC), bill(4))
    await post(desk, at("2026-11-10"), ledger.credit_matched_later("f:1", [Due(AMO, Cents(2100))]))


async def test_months_follow_each_other_and_are_the_ledger(desk: Desk) -> None:
    await autumn(desk)
    october, first = await export(desk, "2026-10")
    assert (october.export.entries, october.export.lines, october.export.amount) == (5, 10, 2100 + 900 + 500 + 2100 + 2100)
    report = sound(first)
    assert (report.lines, report.entries, report.debit, report.first_number, report.last_number) == (10, 5, 7700, 1, 5)
    with pytest.raises(PeriodOpen):
        await export(desk, "2026-11")
    november, second = await export(desk, "2026-11", now=at("2026-12-01"))
    assert sound(second).first_number == 6, "numbers go on"
    async with transaction(desk.house.pool, desk.tenant) as con:
        sums = await con.fetch("SELECT account, sum(debit - credit)::bigint AS amount FROM ledger_line GROUP BY account")
    look = rules.Accounts(november.settings.chart, {})
    expected: dict[tuple[str, str], int] = {}
    for row in sums:
        chart, auxiliary, _ = look.of(row["account"])
        expected[chart.number, auxiliary] = expected.get((chart.number, auxiliary), 0) + row["amount"]
    found: dict[tuple[str, str], int] = {}
    for line in (*read(first), *read(second)):
        key = line["CompteNum"], line["CompAuxNum"]
        found[key] = found.get(key, 0) + int(line["Debit"].replace(",", "")) - int(line["Credit"].replace(",", ""))
    assert found == expected


async def test_the_same_period_again_is_the_same_bytes_whatever_came_since(desk: Desk) -> None:
    await autumn(desk)
    one, first = await export(desk, "2026-10")
    await siren(desk, chart={"produit": {"number": "706100", "label": "Autre"}})
    await post(desk, NOW, bill(9))
    two, again = await export(desk, "2026-10")
    assert (again, two.export.id) == (first, one.export.id)
    assert await desk.count("accounting_export") == 1
    _, draft = await export(desk, "2026-11", draft=True)
    assert b"706100" in draft and b"706100" not in first
    assert await desk.count("accounting_export") == 1, "a draft closes nothing"


async def test_what_comes_late_for_a_closed_day_is_in_the_next_period(desk: Desk) -> None:
    await autumn(desk)
    _, first = await export(desk, "2026-10")
    # A transaction that began in October and ended after the export.
    await post(desk, at("2026-10-31", 22), bill(7))
    _, again = await export(desk, "2026-10")
    assert again == first
    _, second = await export(desk, "2026-11", now=at("2026-12-01"))
    (late, _) = [line for line in read(second) if line["PieceRef"] == "750000018/7"]
    assert (late["EcritureDate"], late["PieceDate"]) == ("20261101", "20261101")
    sound(second)


async def test_an_entry_of_the_next_day_that_came_first_takes_what_follows_with_it(desk: Desk) -> None:
    await siren(desk)
    await post(desk, at("2026-10-31", 22), bill(1))
    await post(desk, at("2026-10-31", 23), bill(2))
    await post(desk, at("2026-10-31", 22), bill(3))
    october, first = await export(desk, "2026-10")
    assert october.export.entries == 1, "23 h UTC is the first of November in Paris"
    _, second = await export(desk, "2026-11", now=at("2026-12-01"))
    assert [line["PieceRef"][-1] for line in read(first) + read(second)] == list("112233")
    sound(second)


async def test_a_debt_that_was_paid_in_the_period_is_lettered(desk: Desk) -> None:
    await autumn(desk)
    _, first = await export(desk, "2026-10")
    lettered = [line for line in read(first) if line["EcritureLet"]]
    assert [(line["CompteNum"], line["EcritureLet"], line["DateLet"]) for line in lettered] == [("411100", "A", "20261020")] * 2
    _, second = await export(desk, "2026-11", now=at("2026-12-01"))
    assert not [line for line in read(second) if line["EcritureLet"]], "the other half is in October"
    _, year = await export(desk, ExportAsked(first=date(2026, 10, 1), last=date(2026, 11, 30)), now=at("2026-12-01"))
    assert {line["EcritureLet"] for line in read(year)} == {"", "A", "B"}
    sound(year)


async def test_who_asks_changes_no_name(desk: Desk) -> None:
    await siren(desk)
    await post(desk, at("2025-12-30"), bill(1))
    async with transaction(desk.house.pool, desk.tenant) as con:
        await con.execute(
            "INSERT INTO run (tenant_id, id, seq, decisions, settings, at, by, kind, ledger) VALUES ($1, $2, 1, 0, '', $3, 'a', 'test', 1)",
            desk.tenant, uuid7(), at("2025-12-31"),
        )  # fmt: skip
    _, closed = await export(desk, "2025")
    assert {line["CompAuxLib"] for line in read(closed) if line["CompteNum"] == "411100"} == {"CAISSE ESSAI RIVE DROITE"}
    caller = msgspec.structs.replace(context(desk).caller, kind="test")
    by_key = Context(caller, Keyring(MASTER).of(desk.tenant), NOW, "key")
    async with transaction(desk.house.pool, desk.tenant) as con:
        volume = await service.close(con, by_key, ExportAsked(period="2025"))
        assert b"".join([block async for block in service.write(con, by_key, volume, "fec")]) == closed


async def test_a_year_after_books_at_zero_begins_with_its_first_entry(desk: Desk) -> None:
    await siren(desk)
    voided = ledger.voided("750000018/1", [Due(AMO, Cents(2100))])
    await post(desk, at("2025-12-30"), bill(1), voided)
    await post(desk, at("2026-01-02"), bill(2))
    await post(desk, at("2026-02-02"), bill(3))
    await export(desk, "2025")
    months = [sound((await export(desk, month))[1]) for month in ("2026-01", "2026-02")]
    assert [(month.first_number, month.last_number) for month in months] == [(1, 1), (2, 2)]


async def test_a_year_opens_with_what_was_before(desk: Desk) -> None:
    await siren(desk)
    await post(desk, at("2025-12-30"), bill(1), ledger.credit_unmatched("f:1", "A1", Cents(700)))
    await post(desk, at("2026-01-02"), paid(1), bill(2))
    await post(desk, at("2026-02-02"), bill(3))
    await export(desk, "2025")
    _, january = await export(desk, "2026-01")
    lines = read(january)
    opening = [line for line in lines if line["JournalCode"] == "AN"]
    assert lines[: len(opening)] == opening and {line["EcritureNum"] for line in opening} == {"1"}
    assert {(line["CompteNum"], line["Debit"], line["Credit"]) for line in opening} == {
        ("411100", "21,00", "0,00"), ("110000", "0,00", "21,00"), ("512000", "7,00", "0,00"), ("471000", "0,00", "7,00"),
    }  # fmt: skip
    assert (sound(january).last_number, sound((await export(desk, "2026-02"))[1]).first_number) == (3, 4)
    _, year = await export(desk, ExportAsked(first=date(2026, 1, 1), last=date(2026, 2, 28)))
    assert sound(year).last_number == 4
    _, quadra = await export(desk, "2026-01", "quadra")
    assert b"AN" not in quadra, "an accounting program opens its years itself"


async def months(desk: Desk, *wanted: str) -> list[tuple[int | None, int | None]]:
    """Close months one after the other, and return the first and last number of each."""
    found = [sound((await export(desk, month))[1]) for month in wanted]
    return [(one.first_number, one.last_number) for one in found]


async def year(desk: Desk, *days: str) -> None:
    """Post one invoice for each day."""
    for number, day in enumerate(days, 1):
        await post(desk, at(day), bill(number))


ONE_BY_ONE = [(number, number) for number in range(1, 13)]


@pytest.mark.parametrize(
    ("before", "after", "numbers"),
    # In April a year begins with an opening entry where the months before were closed under March.
    [(12, 3, ONE_BY_ONE), (3, 12, [*ONE_BY_ONE[:3], (1, 2), *ONE_BY_ONE[2:10]])],
)
async def test_a_closing_month_that_changes_within_a_year_numbers_on(
    desk: Desk, before: int, after: int, numbers: list[tuple[int, int]]
) -> None:
    """The year that is open goes on: no number twice, none left out, until it ends with the new month."""
    await siren(desk, closing_month=before)
    await year(desk, *(f"2025-{month:02d}-10" for month in range(1, 13)))
    found = await months(desk, *(f"2025-{month:02d}" for month in range(1, 6)))
    await siren(desk, closing_month=after)
    found += await months(desk, *(f"2025-{month:02d}" for month in range(6, 13)))
    assert found == numbers
    _, again = await export(desk, "2025-06")
    assert sound(again).first_number == numbers[5][0]


async def test_a_year_that_became_longer_is_one_file(desk: Desk) -> None:
    await siren(desk)
    await year(desk, *(f"2025-{month:02d}-10" for month in range(1, 13)), *(f"2026-{month:02d}-10" for month in range(1, 6)))
    await months(desk, *(f"2025-{month:02d}" for month in range(1, 6)))
    await siren(desk, closing_month=3)
    _, whole = await export(desk, "2026")
    report = sound(whole)
    assert (report.first_number, report.last_number, report.entries) == (1, 15, 15), "January 2025 to March 2026"
    assert {line["JournalCode"] for line in read(whole)} == {"VT"}
    _, days = await export(desk, ExportAsked(first=date(2025, 1, 1), last=date(2026, 3, 31)))
    assert days == whole
    assert await months(desk, "2026-04", "2026-05") == [(1, 2), (3, 3)], "the next one begins with its opening"
    with pytest.raises(AccountingRefused, match="two accounting years"):
        await export(desk, ExportAsked(first=date(2025, 6, 1), last=date(2026, 4, 30)))


async def test_a_year_that_became_shorter_ends_with_the_month_that_closes_it(desk: Desk) -> None:
    await siren(desk)
    await year(desk, *(f"2025-{month:02d}-10" for month in range(1, 10)))
    assert await months(desk, "2025-01", "2025-02", "2025-03", "2025-04") == ONE_BY_ONE[:4]
    await siren(desk, closing_month=6)
    _, whole = await export(desk, "2025")
    assert (sound(whole).first_number, sound(whole).last_number) == (1, 6), "January to June"
    assert await months(desk, "2025-07", "2025-08") == [(1, 2), (3, 3)]


async def test_what_was_closed_before_the_closing_month_changed_is_written_again(desk: Desk) -> None:
    await siren(desk)
    await year(desk, "2025-02-10", "2025-08-10")
    _, first = await export(desk, "2025")
    await siren(desk, closing_month=3)
    _, again = await export(desk, ExportAsked(first=date(2025, 1, 1), last=date(2025, 12, 31)))
    assert again == first


@pytest.mark.parametrize(
    "period",
    [
        "2026-09",
        "2026-12",
        ExportAsked(first=date(2026, 10, 15), last=date(2026, 10, 31)),
        ExportAsked(first=date(2026, 9, 1), last=date(2026, 10, 31)),
        ExportAsked(first=date(2026, 10, 1), last=date(2026, 10, 30)),
    ],
)
async def test_days_are_neither_cut_nor_left_out(desk: Desk, period: str | ExportAsked) -> None:
    await autumn(desk)
    await export(desk, "2026-10")
    with pytest.raises(PeriodClosed):
        await export(desk, period, now=at("2027-02-01"))


async def test_the_first_period_leaves_no_day_before_it_out(desk: Desk) -> None:
    await autumn(desk)
    with pytest.raises(PeriodClosed, match="2026-10-01"):
        await export(desk, "2026-11", now=at("2026-12-01"))


async def test_two_exports_at_once_close_a_period_once(desk: Desk) -> None:
    await autumn(desk)
    replies = [await desk.post("/v1/accounting/exports", {"period": "2026-10"}) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].json["id"] == replies[1].json["id"] and await desk.count("accounting_export") == 1
    (shown,) = (await desk.get("/v1/accounting/exports")).json["exports"]
    assert shown == replies[0].json
