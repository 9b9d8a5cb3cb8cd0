# SPDX-License-Identifier: Apache-2.0
"""The table of rejects as the service uses it: dated, by kind of payer, replaced by an import; and what the database itself refuses."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from desmos_fast.db import journal
from desmos_fast.db.tenant import direct
from desmos_fast.nomenclature import rejects, service
from desmos_fast.nomenclature.tariffs import load_tariffs
from desmos_fast.settlement.rejects import recycling, store
from tests.api.conftest import Desk, House
from tests.nomenclature.packs import small
from tests.nomenclature.test_rejects import BEFORE, CODES, DAY
from tests.settlement.rejects.work import APART, KNOWN, Work


@pytest.fixture
def work(desk: Desk) -> Work:
    return Work(desk)


@pytest.fixture
async def imports(house: House) -> AsyncIterator[House]:
    """Let no pack stay for the other tests of the service."""
    yield house
    async with direct(house.owner_dsn) as con:
        await con.execute("DELETE FROM tariff_pack")


async def use(house: House, folder: Path) -> None:
    async with direct(house.owner_dsn) as con:
        await service.import_tariffs(con, service.check_tariffs(folder))


async def test_the_queue_says_of_each_code_what_the_table_says(work: Work, imports: House, tmp_path: Path) -> None:
    await use(imports, small(tmp_path, reject_codes=CODES))
    for code, part, day in (
        ("9100001", "amo", BEFORE), ("9100001", "amo", DAY), ("9100001", "amc", DAY), ("9100001", "amo", date(2025, 12, 31)),
        ("9100002", "amc", DAY), ("9100002", "amo", DAY), (KNOWN, "amo", DAY), ("", "amo", DAY),
    ):  # fmt: skip
        made = await work.sign()
        await work.told(work.says(made, part, code=code), day=day)
    shown = await work.queue()
    async with work.rows() as con:
        table = await rejects.current(con)
    for one in shown:
        said = table.find(one["code"], one["payer"], date.fromisoformat(one["told_on"]))
        assert (one["class"], one["owner"], one["label"], one["action"], one["recycle"]) == (
            said.name, said.owner, said.label, said.action, said.recycle,
        )  # fmt: skip
    assert [one["class"] for one in shown] == ["rights", "coding", "contract", "contract", "duplicate", "unknown", "identity", "unknown"]
    assert [one["owner"] for one in await work.queue("owner=practitioner")] == ["practitioner"]
    for name in ("rights", "contract", "unknown"):
        said = await work.figures(f"class={name}")
        assert said["count"] == len(await work.queue(f"class={name}")) == sum(one["class"] == name for one in shown)
    board = {one["class"]: (one["count"], one["cents"]) for one in (await work.dashboard())["rejects"]["classes"]}
    figures: dict[str, tuple[int, int]] = {}
    for one in (await work.figures())["tallies"]:
        count, cents = figures.get(one["class"], (0, 0))
        figures[one["class"]] = (count + one["count"], cents + one["cents"])
    assert board == figures


async def test_a_table_is_replaced_by_an_import_without_a_restart(work: Work, imports: House, tmp_path: Path) -> None:
    await work.rejected(code="9100001")
    assert [one["class"] for one in await work.queue()] == ["unknown"]
    await use(imports, small(tmp_path, reject_codes=CODES))
    assert [one["class"] for one in await work.queue()] == ["coding"]


async def test_a_payer_of_another_kind_may_forbid_to_bill_again_what_others_allow(work: Work, imports: House, tmp_path: Path) -> None:
    await use(imports, small(tmp_path, reject_codes=CODES))
    made = await work.rejected(APART, "amo", "amc", code="9100002")
    assert (await work.do(made, "recycle", "amc")).code == "reject_not_resent"
    assert (await work.do(made, "recycle", "amo", parts=["amo", "amc"])).code == "reject_not_resent"
    assert (await work.do(made, "recycle", "amo")).status == 201


async def test_without_an_import_the_table_is_that_of_the_program(work: Work) -> None:
    async with work.rows() as con:
        assert (await rejects.current(con)).codes == load_tariffs().reject_codes


# --- at most one live successor


async def test_two_who_bill_the_same_part_again_at_once_bill_it_once(work: Work) -> None:
    made = await work.rejected()
    replies = await asyncio.gather(*(work.do(made, "recycle") for _ in range(6)))
    assert sorted(reply.status for reply in replies if reply.status != 503) == [201, *[409] * (sum(r.status != 503 for r in replies) - 1)]
    assert await work.desk.count("recycling") == 1 and await work.desk.count("invoice") == 2
    assert sum((await work.owed()).values()) == 4000


async def test_two_parts_billed_again_at_once_are_two_invoices(work: Work) -> None:
    made = await work.rejected(APART, "amo", "amc")
    replies = await asyncio.gather(work.do(made, "recycle", "amo"), work.do(made, "recycle", "amc"))
    assert [reply.status for reply in replies] == [201, 201]
    assert {share["successor"] for share in (await work.view(made.id))["shares"]} == {reply.json["invoice"] for reply in replies}
    assert sum((await work.owed()).values()) == 4000


async def test_the_database_takes_no_second_successor_and_changes_none(work: Work) -> None:
    made, other = await work.rejected(), await work.sign()
    await work.do(made, "recycle")
    again = "INSERT INTO recycling SELECT tenant_id, invoice_id, part, $1, decision_id FROM recycling"
    with pytest.raises(asyncpg.UniqueViolationError):
        await work.look(again, other.id)
    with pytest.raises(asyncpg.UniqueViolationError, match="recycling_successor"):
        await work.look("INSERT INTO recycling SELECT tenant_id, $1, part, successor_id, decision_id FROM recycling", other.id)
    for query in ("UPDATE recycling SET part = 'amc'", "DELETE FROM recycling"):
        with pytest.raises(asyncpg.CheckViolationError):
            await work.look(query)
    with pytest.raises(asyncpg.CheckViolationError):
        await work.look("UPDATE share SET state = 'rejected' WHERE state = 'recycled'")


async def test_what_fails_in_the_middle_leaves_nothing(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await work.rejected()
    before, balances = await work.written(), await work.balances()
    for place, name in ((store, "recycle"), (recycling, "add_decision"), (journal, "record")):
        with monkeypatch.context() as patch:

            async def fail(*_: object, **__: object) -> None:
                raise ArithmeticError("the power went")

            patch.setattr(place, name, fail)
            assert (await work.do(made, "recycle")).status == 500
        assert await work.written() == before and await work.balances() == balances and await work.desk.count("invoice") == 1
    said = (await work.do(made, "recycle")).json
    assert said["number"] == made.number + 1, "the number that was given and taken back is given again"


async def test_late_money_for_what_was_billed_again_is_an_excess_and_owes_nothing(work: Work) -> None:
    made = await work.rejected()
    said = (await work.do(made, "recycle")).json
    await work.told(work.says(made, "amo", 2800), day=date(2026, 12, 1))
    balances = await work.balances()
    assert f"creance:amo:01751:CENTRE/{made.number}" not in balances and balances["trop_percu:amo:01751"] == -2800
    assert (await work.share(made.id))["state"] == "recycled" and (await work.owed())[f"amo:01751:{said['number']}"] == 2800
