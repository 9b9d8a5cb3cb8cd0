# SPDX-License-Identifier: Apache-2.0
"""A connection that dies between any two statements of a decision leaves nothing of it; the same decision then does all of it."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import orjson
import pytest

from desmos_fast.db.pool import Connection, DatabaseDown
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.identity.context import Context, without_key
from desmos_fast.settlement.correcting import service
from tests.api.test_decisions import credit_names, decide, share
from tests.db.rows import NOW
from tests.settlement.centre import REFERENCE, Centre, credit

TABLES: Final = (
    "match", "decision", "forbidden", "order_line", "payment_order", "bank_line", "share", "ledger_entry", "ledger_line", "event",
    "counter",
)  # fmt: skip
ASKS: Final = frozenset({"execute", "executemany", "fetch", "fetchrow", "fetchval", "copy_to_table", "copy_records_to_table"})


class Dying:
    """A connection whose server process ends before one of its statements."""

    def __init__(self, con: Connection, centre: Centre, last: int) -> None:
        self._con, self._centre, self._left = con, centre, last

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._con, name)
        return self._counted(found) if name in ASKS else found

    def _counted(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*args: Any, **more: Any) -> Any:
            if not self._left:
                await self.kill()
            self._left -= 1
            return await ask(*args, **more)

        return counted

    async def kill(self) -> None:
        """End the process that serves this connection, and wait until it is gone."""
        pid = self._con.get_server_pid()
        async with self._centre.rows() as other:
            await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)


async def stored(centre: Centre) -> dict[str, str]:
    """Return what is kept of the centre, table by table."""
    async with direct(centre.desk.house.owner_dsn, centre.desk.tenant) as con:
        return {
            table: str(await con.fetchval(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t")) for table in TABLES
        }


def context_of(centre: Centre) -> Context:
    return without_key(centre.desk.tenant, centre.desk.finess, centre.keys, NOW, "test")


async def world(centre: Centre) -> dict[str, dict[str, Any]]:
    """Let there be what each kind needs, and say what is decided."""
    await centre.invoice(1, order=12)
    await centre.invoice(2, order=13)
    await centre.invoice(3, order=14)
    await centre.invoice(4, order=15)
    await centre.order("o:1", centre.line(2100, 1, order=12), reference=REFERENCE)
    await centre.order("o:2", centre.line(0, 2, order=13, reject_code="0250050"), centre.line(900, 99, order=44), reference="22222222222")
    await centre.order("o:3", centre.line(2100, 3, order=14), reference="33333333333")
    await centre.order("o:4", centre.line(-2100, 3, order=14), reference="44444444444")
    await centre.order("o:5", centre.line(-500, None, insured_key=None, care_date=None, biller=None, part=None), reference="55555555555")
    await centre.order("o:6", centre.line(0, 4, order=15, reject_code="0250050"), reference="66666666666")
    await centre.bank(*credit(2100, REFERENCE), *credit(3210, "RIEN"))
    await centre.reconcile()
    # The patient is asked for the fourth, and its payer pays after all.
    await decide(centre, "to_patient", share=share(centre, 4))
    await centre.order("o:7", centre.line(2100, 4, order=15), reference="77777777777")
    await centre.reconcile()
    async with centre.rows() as con:
        line = str(await con.fetchval("SELECT id FROM match WHERE left_refs[1] = 'o:1#1' AND status = 'confirmed'"))
        received = str(await con.fetchval("SELECT id FROM match WHERE problem = 'B' AND status = 'confirmed'"))
    name = (await credit_names(centre))[3210]
    return {
        "undo a line": {"kind": "undo", "match": line},
        "undo a credit": {"kind": "undo", "match": received},
        "match a line": {"kind": "match", "problem": "A", "left": ["o:2#2"], "right": [share(centre, 2)]},
        "match with a piece left": {"kind": "match", "problem": "B", "left": [name], "right": ["o:3"], "remainder": "ecart"},
        "split": {"kind": "split", "left": "o:2#2", "amounts": [400, 500]},
        "to the patient": {"kind": "to_patient", "share": share(centre, 2)},
        "from the patient": {"kind": "from_patient", "share": share(centre, 4)},
        "contest": {"kind": "indu_contest", "share": share(centre, 3)},
        "give up what was taken back": {"kind": "indu_write_off", "line": "o:5#1"},
    }


CASES: Final = (
    "undo a line", "undo a credit", "match a line", "match with a piece left", "split", "to the patient", "from the patient", "contest",
    "give up what was taken back",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_all_of_a_decision_or_nothing(centre: Centre, case: str) -> None:
    body = orjson.dumps((await world(centre))[case])
    before = await stored(centre)
    pool = centre.desk.house.pool
    for last in range(100):
        try:
            async with asyncio.timeout(20), transaction(pool, centre.desk.tenant) as con:
                dying = Dying(con, centre, last)
                await service.decide(dying, context_of(centre), body)  # type: ignore[arg-type]  # it forwards every method of a connection
                # All statements are through: what dies now takes the commit with it.
                await dying.kill()
        except DatabaseDown:
            assert await stored(centre) == before, f"something stays of what died at statement {last}"
            if dying._left > 0:
                break
        else:
            pytest.fail("a transaction whose connection is gone was committed")
    assert 8 < last < 99, "every statement was tried, and then the commit"
    async with transaction(pool, centre.desk.tenant) as con:
        assert (await service.decide(con, context_of(centre), body)).seq == 2, "no number was used by what died"
    after = await stored(centre)
    assert after["decision"] != before["decision"] and after != before
