# SPDX-License-Identifier: Apache-2.0
"""With `validate_only=true` the writes of settlement answer what they would, need no key, and keep nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from desmos_fast.db.tenant import transaction
from desmos_fast.settlement.dunning.reminders import service as reminders
from tests.api.conftest import Desk, Reply
from tests.api.test_followup_reminders import START
from tests.settlement.centre import AMO
from tests.settlement.dunning.world import LateCentre
from tests.settlement.rejects.work import Work

TABLES: Final = ("decision", "event", "learned_label", "ledger_entry", "reminder", "return_file")
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
