# SPDX-License-Identifier: Apache-2.0
"""The audit of a quarter: refused, paid, still out, and kept once the quarter is over."""

from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Final

import pytest

from desmos_fast.db.tenant import transaction
from desmos_fast.settlement.dunning.audit import service
from desmos_fast.settlement.dunning.audit.model import QuarterInvalid, days_of, quarter_before
from desmos_fast.settlement.dunning.reminders.service import make_day
from tests.api.conftest import Desk
from tests.days import today
from tests.settlement.dunning.world import AMC, AMO, LateCentre

FIRST: Final = date(2026, 7, 1)
AFTER: Final = date(2026, 10, 1)
CARE: Final = date(2026, 7, 6)


@pytest.fixture
async def centre(desk: Desk) -> LateCentre:
    """Six invoices sent on 6 July: paid after 4, 8 and 30 days, refused twice, never spoken of."""
    centre = LateCentre(desk)
    lot = await centre.lot(CARE, CARE)
    for number in range(1, 7):
        amount = 1000 * number
        await centre.claim(number, CARE, lot, (("amo", AMO, amount), ("amc", AMC, 300)), executor_am=991112 + number % 2)
    for number, days in ((1, 4), (2, 8), (3, 30)):
        line = centre.line(1000 * number, number, care_date=CARE)
        await centre.order(f"o:{number}", line, reference=f"{number:014d}", day=CARE + timedelta(days))
    await centre.order("o:amc", centre.line(300, 1, part="amc", payer=AMC, care_date=CARE), reference="7" * 14, day=CARE + timedelta(9))
    for number, code in ((4, "0250050"), (5, "9999999")):
        line = centre.line(0, number, care_date=CARE, reject_code=code)
        await centre.order(f"o:{number}", line, reference=f"{number:014d}", day=CARE + timedelta(10))
    # Of a quarter that follows: it counts for nothing here.
    await centre.order("o:late", centre.line(10, 99), reference="8" * 14, day=AFTER)
    await centre.reconcile()
    return centre


async def audit(centre: LateCentre, quarter: str, form: str, day: date = AFTER) -> str:
    async with transaction(centre.desk.house.pool, centre.desk.tenant) as con:
        return await service.write(con, centre.context(day), quarter, form)


async def test_the_report_of_a_quarter_says_what_was_refused_and_how_fast_was_paid(centre: LateCentre) -> None:
    async with transaction(centre.desk.house.pool, centre.desk.tenant) as con:
        report = await service.show(con, centre.context(AFTER), "2026Q3")
    assert (report.since, report.until, report.complete) == (FIRST, date(2026, 9, 30), True)
    assert (report.rejects.answered, report.rejects.rejected, report.rejects.permille, report.rejects.cents) == (6, 2, 333, 9000)
    assert [(row.name, row.answered, row.rejected) for row in report.payers] == [(AMC, 1, 0), (AMO, 5, 2)]
    assert [(row.name, row.answered, row.rejected) for row in report.executors] == [("000991112", 2, 1), ("000991113", 4, 1)]
    causes = {one.code: (one.name, one.count, one.cents) for one in report.causes}
    assert causes == {"0250050": ("identity", 1, 4000), "9999999": ("unknown", 1, 5000)}
    assert (report.days_to_pay["amo"].count, report.days_to_pay["amo"].mean_tenths, report.days_to_pay["amo"].median) == (3, 140, 8)
    assert (report.days_to_pay["amc"].count, report.days_to_pay["amc"].median) == (1, 9)
    # Of 6 July: the 14th is a holiday, so 30 days later is the 22nd working day and 10 % of 30 euros; 8 days later is the fifth.
    [penalties] = [row for row in report.penalties if row.payer == AMO]
    assert (penalties.due.count, penalties.due.cents, penalties.running.cents) == (1, 300, 600)
    assert report.outstanding["61-90"].cents == 4000 + 5000 + 6000 + 5 * 300
    assert sum(row.total.cents for row in report.ageing) == sum(one.cents for one in report.outstanding.values())


async def test_a_quarter_that_ended_is_reported_once_by_the_day_and_stays_as_it_was(centre: LateCentre) -> None:
    async with transaction(centre.desk.house.pool, centre.desk.tenant) as con:
        await service.keep_last_quarter(con, centre.context(AFTER))
    first = (await centre.desk.get("/v1/audits/tp/2026Q3")).json
    await centre.paid(6, 6000, date(2026, 9, 15), care=CARE)
    async with transaction(centre.desk.house.pool, centre.desk.tenant) as con:
        await service.keep_last_quarter(con, centre.context(AFTER + timedelta(1)))
    assert (await centre.desk.get("/v1/audits/tp/2026Q3")).json == first
    kept = (await centre.desk.get("/v1/audits/tp")).json["audits"]
    assert [one["quarter"] for one in kept] == ["2026Q3"]
    other = await centre.desk.house.desk()
    assert (await other.get("/v1/audits/tp")).json == {"audits": []}


async def test_the_report_of_the_quarter_that_runs_is_not_kept(centre: LateCentre) -> None:
    day = today()
    quarter = f"{day.year}Q{(day.month + 2) // 3}"
    assert (await centre.desk.get(f"/v1/audits/tp/{quarter}")).json["complete"] is False
    assert (await centre.desk.get("/v1/audits/tp")).json == {"audits": []}
    refused = await centre.desk.get(f"/v1/audits/tp/{day.year + 1}Q4")
    assert (refused.status, refused.code) == (422, "quarter_invalid")


class Tags(HTMLParser):
    """What a page opens and has not closed, and how many charts it draws."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.bars = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bars += tag == "svg"
        if tag not in ("meta", "br", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == "rect" or self.open.pop() == tag


async def test_the_page_has_its_charts_and_names_nobody(centre: LateCentre) -> None:
    page = await audit(centre, "2026Q3", "html")
    tags = Tags(page)
    assert tags.open == [] and tags.bars >= 12
    assert "33,3 %" in page and "14,0" in page and "Profil de test" in page
    text = await audit(centre, "2026Q3", "md")
    assert "| 0250050 |" in text and "| 000991112 |" in text and "soit 33,3 %" in text
    assert "99999" not in (page + text).replace("9999999", "")
    reply = await centre.desk.get("/v1/audits/tp/2026Q3?format=html")
    assert "CAISSE ESSAI RIVE DROITE (amo:01751)" in reply.body.decode()
    assert reply.headers["Content-Type"].startswith("text/html") and "audit-tp-2026Q3.html" in reply.headers["Content-Disposition"]


async def test_an_empty_centre_has_an_audit_that_is_not_kept(desk: Desk) -> None:
    empty = LateCentre(desk)
    async with transaction(desk.house.pool, desk.tenant) as con:
        await make_day(con, empty.context(AFTER))
        await service.keep_last_quarter(con, empty.context(AFTER))
    assert await desk.count("tp_audit") == 0
    for form in ("json", "html", "md"):
        assert await audit(empty, "2026Q3", form)


def test_quarters() -> None:
    assert days_of("2026Q1") == (date(2026, 1, 1), date(2026, 3, 31)) and days_of("2027Q4") == (date(2027, 10, 1), date(2027, 12, 31))
    assert [quarter_before(day) for day in (date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 1), AFTER)] == [
        "2025Q4", "2025Q4", "2026Q1", "2026Q3",
    ]  # fmt: skip
    for wrong in ("2026Q5", "26Q1", "2026q1", "2026Q1 ", "1999Q1"):
        with pytest.raises(QuarterInvalid):
            days_of(wrong)
