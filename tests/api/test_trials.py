# SPDX-License-Identifier: Apache-2.0
"""With `validate_only=true` the writes of settlement answer what they would, need no key, and keep nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from desmos_fast.db.tenant import direct, transaction
from desmos_fast.settlement.dunning.reminders import service as reminders
from monitoring import metrics
from tests.api.conftest import Desk, Reply
from tests.api.test_followup_reminders import START
from tests.api.test_returns import changed
from tests.api.test_returns_dead import answered, numbered, with_orders
from tests.settlement import statements
from tests.settlement.centre import AMO, REFERENCE, Centre, credit
from tests.settlement.dunning.world import LateCentre
from tests.settlement.rejects.work import Work

TABLES: Final = ("decision", "event", "learned_label", "ledger_entry", "reminder", "return_file")


class Asked(NamedTuple):
    """A write, and how the real one is answered."""

    path: str
    body: bytes
    status: int = 200


# Any request may note that a key and its roles are in use.
NOTED: Final = ["api_key", "role_use"]
LABEL: Final = {"account": "399991116797675756028", "label": "VIR RECU 77", "payer": AMO}


async def tried(desk: Desk, path: str, body: bytes) -> Reply:
    """Try a write without a key."""
    return await desk.house.send("POST", f"{path}?validate_only=true", {"Authorization": f"Bearer {desk.key}"}, body)


async def rows(desk: Desk) -> dict[str, Any]:
    """Return how many rows there are of all that a write would keep, and the states of what it would move."""
    work = Work(desk)
    counted: dict[str, Any] = {table: await desk.count(table) for table in TABLES}
    counted["shares"] = await work.shares()
    counted["reminders"] = [row["state"] for row in await work.look("SELECT state FROM reminder ORDER BY id")]
    counted["dead"] = [row["state"] for row in await work.look("SELECT state FROM dead_return ORDER BY id")]
    return counted


async def a_reject(desk: Desk) -> str:
    made = await Work(desk).rejected()
    return f"/v1/rejects/{made.id}/amo"


async def a_label(desk: Desk) -> str:
    assert (await desk.post("/v1/matching/labels", LABEL)).status == 201
    return "/v1/matching/labels"


async def nothing(desk: Desk) -> str:
    return "/v1/matching/labels"


async def a_reminder(desk: Desk) -> str:
    centre = LateCentre(desk)
    await centre.claim(1, START, await centre.lot(START, START), (("amo", AMO, 2100),))
    async with transaction(desk.house.pool, desk.tenant) as con:
        await reminders.make_day(con, centre.context(START + timedelta(30)))
    return f"/v1/reminders/{(await desk.get('/v1/reminders')).json['reminders'][0]['id']}"


async def a_dead_return(desk: Desk) -> str:
    assert (await desk.post("/v1/returns", b"000 no return\n")).status == 422
    return f"/v1/returns/dead/{(await desk.get('/v1/returns/dead')).json['dead'][0]['id']}"


@pytest.mark.parametrize(
    ("given", "what", "body", "status"),
    [
        (a_reject, ":claim", b'{"reference": "RECL-1", "why": "deja payee"}', 200),
        (a_reject, ":assign", b'{"to": "Camille R."}', 200),
        (nothing, "", b'{"account": "399991116797675756028", "label": "VIR RECU 77", "payer": "amo:01751"}', 201),
        (a_label, ":forget", b'{"account": "399991116797675756028", "label": "VIR RECU 77"}', 204),
        (a_reminder, ":sent", b"", 200),
        (a_dead_return, ":discard", b'{"why": "illisible"}', 200),
    ],
)  # fmt: skip
async def test_what_is_tried_is_answered_as_it_would_be_and_not_kept(
    desk: Desk, given: Callable[[Desk], Any], what: str, body: bytes, status: int
) -> None:
    path = await given(desk) + what
    before = await rows(desk)
    reply = await tried(desk, path, body)
    # Nothing is made by a trial.
    assert reply.status == (200 if status == 201 else status), reply.body
    assert await rows(desk) == before
    done = await desk.post(path, body)
    assert done.status == status and await rows(desk) != before
    if status in (200, 201):
        assert reply.json.keys() == done.json.keys()


async def test_a_key_of_a_wrong_form_is_refused_in_a_trial_too(desk: Desk) -> None:
    body = b'{"account": "399991116797675756028", "label": "VIR RECU 77", "payer": "amo:01751"}'
    reply = await desk.post("/v1/matching/labels?validate_only=true", body, key="two words")
    assert (reply.status, reply.code) == (400, "idempotency_key_bad")


# --- what comes in, and what is made of it


async def everything(desk: Desk) -> dict[str, tuple[int, str]]:
    """Return how many rows each table of the database has, counters included, and a digest of what stands in them."""
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        tables = await con.fetch(
            """
            SELECT relname FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> ALL ($1)
        """,
            NOTED,
        )
        query = "SELECT count(*), md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {} AS t"
        return {name: tuple(await con.fetchrow(query.format(name)) or ()) for (name,) in tables}


async def a_statement(desk: Desk, tmp_path: Path) -> Asked:
    centre = Centre(desk)
    await centre.invoice()
    return Asked("/v1/bank-statements", statements.joined(*statements.statement(*credit(2100, REFERENCE))))


async def a_statement_again(desk: Desk, tmp_path: Path) -> Asked:
    """Give the first answer again."""
    asked = await a_statement(desk, tmp_path)
    assert (await desk.post(asked.path, asked.body)).status == 200
    return asked


async def a_bad_statement(desk: Desk, tmp_path: Path) -> Asked:
    return Asked("/v1/bank-statements", b"99 no statement\n", 422)


async def a_run(desk: Desk, tmp_path: Path) -> Asked:
    centre = Centre(desk)
    for number in (1, 2, 3):
        await centre.invoice(number, order=20 + number)
    await centre.order("o:1", centre.line(order=21), centre.line(0, 2, order=22, reject_code="0250050"))
    await centre.order("o:2", centre.line(-500, None, insured_key=None, care_date=None, biller=None, part=None), reference="3333333")
    await centre.bank(*credit(2100, REFERENCE))
    return Asked("/v1/reconciliations", b"{}")


async def a_bad_run(desk: Desk, tmp_path: Path) -> Asked:
    return Asked("/v1/reconciliations", b"[]", 400)


async def an_acknowledgement(desk: Desk, tmp_path: Path) -> Asked:
    said = await answered(desk, tmp_path)
    return Asked("/v1/returns", said.arl[0])


async def a_return(desk: Desk, tmp_path: Path) -> Asked:
    said = await answered(desk, tmp_path)
    assert (await desk.post("/v1/returns", said.arl[0])).status == 200
    return Asked("/v1/returns", said.rsp[0])


async def a_repeated_order(desk: Desk, tmp_path: Path) -> Asked:
    """Bring an order again, in another file: it is kept apart."""
    said = await answered(desk, tmp_path)
    assert (await desk.post("/v1/returns", said.rsp[0])).status == 200
    return Asked("/v1/returns", with_orders(numbered(said.rsp[0], 72), 0))


async def a_bad_return(desk: Desk, tmp_path: Path) -> Asked:
    return Asked("/v1/returns", b"000 no return\n", 422)


async def a_conflict(desk: Desk, tmp_path: Path) -> Asked:
    """Keep a return that gives another content under a number that was used; a person accepts it."""
    said = await answered(desk, tmp_path)
    rsp = said.rsp[0]
    assert (await desk.post("/v1/returns", rsp)).status == 200
    assert (await desk.post("/v1/returns", changed(rsp, "P1", 0, payment_reference="262750009999"))).code == "return_conflict"
    [letter] = (await desk.get("/v1/returns/dead")).json["dead"]
    return Asked(f"/v1/returns/dead/{letter['id']}:retry", b'{"although": ["return_conflict"]}')


async def a_conflict_not_accepted(desk: Desk, tmp_path: Path) -> Asked:
    return Asked((await a_conflict(desk, tmp_path)).path, b"", 409)


@pytest.mark.parametrize(
    "given",
    [a_statement, a_statement_again, a_bad_statement, a_run, a_bad_run, an_acknowledgement, a_return, a_repeated_order,
     a_bad_return, a_conflict, a_conflict_not_accepted],
)  # fmt: skip
async def test_what_comes_in_is_tried_with_no_row_written_and_no_number_used(
    desk: Desk, tmp_path: Path, given: Callable[[Desk, Path], Awaitable[Asked]]
) -> None:
    asked = await given(desk, tmp_path)
    before, counted = await everything(desk), figures()
    reply = await tried(desk, asked.path, asked.body)
    assert reply.status == asked.status, reply.body
    assert await everything(desk) == before and figures() == counted
    done = await desk.post(asked.path, asked.body)
    assert (done.status, reply.json.keys()) == (asked.status, done.json.keys())
    if asked.status != 200:
        assert (reply.code, reply.json["errors"]) == (done.code, done.json["errors"])
        return
    new = {"id", "run_id", "return_id"}
    assert {name: said for name, said in reply.json.items() if name not in new} == {
        name: said for name, said in done.json.items() if name not in new
    }
    # The key that came with the real request is a row of its own, also where nothing else is new.
    assert await everything(desk) != before


def figures() -> list[float]:
    return [one._value.get() for one in (metrics.bank_lines_imported, metrics.reconciliations, metrics.returns_imported)]


async def test_a_run_in_bulk_is_tried_too(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DESMOS_BULK_LINES", "1")
    asked = await a_run(desk, tmp_path)
    before = await everything(desk)
    reply = await tried(desk, asked.path, asked.body)
    assert reply.status == 200 and reply.json["lines"]["confirmed"]["count"] > 0
    assert await everything(desk) == before
    done = await desk.post(asked.path, asked.body)
    assert done.json | {"run_id": ""} == reply.json | {"run_id": ""}
