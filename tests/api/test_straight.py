# SPDX-License-Identifier: Apache-2.0
"""A batch that is sent whole, on what the one before left, is signed as any other, and not at all when somebody came between."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
import pytest

from api import lanes
from api.straight import Straight
from desmos_fast.base.types import uuid7
from desmos_fast.billing.express import Batch, Laid
from desmos_fast.db.tenant import direct
from desmos_fast.settlement.ledger import service as ledger
from tests.api.conftest import Desk, Reply, person
from tests.api.test_invoices import rows
from tests.api.test_together import PATH, at_once

COUNT: Final = 40


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> "Counter[str]":
    """Count how batches were signed, and wait for no full house."""
    found: Counter[str] = Counter()
    monkeypatch.setattr(lanes, "WAIT_S", 30.0)
    for name in ("_whole", "_in_two"):
        monkeypatch.setattr(Straight, name, _counted(getattr(Straight, name), name, found))
    return found


def _counted(work: Callable[..., Awaitable[Any]], name: str, found: "Counter[str]") -> Callable[..., Awaitable[Any]]:
    async def counted(*arguments: Any) -> Any:
        done = await work(*arguments)
        found[name if done is not None else f"{name} refused"] += 1
        return done

    return counted


async def signed(desk: Desk, replies: list[Reply], others: int = 0) -> None:
    """See that every invoice is there once, numbered without a gap, and in the ledger: with the one that came first and others."""
    assert {reply.status for reply in replies} == {201}
    count = len(replies) + 1 + others
    assert sorted(row["number"] for row in await rows(desk, "SELECT number FROM invoice")) == list(range(1, count + 1))
    for name in ("ledger_entry", "event", "idempotency"):
        assert await desk.count(name) == count, name
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        assert (await ledger.verify(con, desk.tenant, lambda *_: None)).holds


def bodies(desk: Desk) -> list[dict[str, Any]]:
    return [desk.invoice(insured_nir=person(order)) for order in range(1, COUNT + 1)]


async def warm(desk: Desk) -> int:
    """Let everything about a centre be known, as after its first invoices; say how many they are."""
    for order in (201, 202):
        assert (await desk.post(PATH, desk.invoice(insured_nir=person(order)))).status == 201
    return 2


async def test_batches_follow_each_other_whole(desk: Desk, ways: "Counter[str]") -> None:
    before = await warm(desk)
    replies = await at_once(desk, bodies(desk))
    await signed(desk, replies, before)
    assert ways["_whole"] >= 1 and not ways["_whole refused"]
    found = Counter(row["xmin"] for row in await rows(desk, "SELECT xmin::text FROM invoice"))
    assert len(found) < COUNT / 4


async def test_who_comes_between_is_seen(desk: Desk, second: str, ways: "Counter[str]", monkeypatch: pytest.MonkeyPatch) -> None:
    before, between = await warm(desk), list[int]()
    real = Straight._whole

    async def whole(self: Straight, *arguments: Any) -> Any:
        if not between:
            headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
            body = orjson.dumps(desk.invoice(insured_nir=person(99)))
            async with desk.house.session.post(f"{second}{PATH}", headers=headers, data=body) as reply:
                between.append(reply.status)
        return await real(self, *arguments)

    monkeypatch.setattr(Straight, "_whole", whole)
    replies = await at_once(desk, bodies(desk))
    assert between == [201]
    await signed(desk, replies, before + 1)
    assert ways["_whole refused"] == 1
    # Once bitten: the next ones ask first.
    assert ways["_in_two"] >= 2


async def test_a_key_that_was_answered_is_answered_so_again(desk: Desk, ways: "Counter[str]") -> None:
    before, sent, known = await warm(desk), bodies(desk), str(uuid7())
    first = await desk.post(PATH, sent[-1], known)
    replies = await at_once(desk, sent, [None] * (COUNT - 1) + [known])
    assert replies[-1].body == first.body and replies[-1].headers["Idempotency-Replayed"] == "true"
    await signed(desk, replies, before)
    assert ways["_whole refused"] == 1


async def test_what_is_prepared_in_vain_disturbs_nobody(desk: Desk, ways: "Counter[str]", monkeypatch: pytest.MonkeyPatch) -> None:
    before = await warm(desk)
    real, calls = Batch.laid, 0

    def laid(self: Batch, *arguments: Any) -> Laid:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ValueError("this one cannot be laid out")
        return real(self, *arguments)

    monkeypatch.setattr(Batch, "laid", laid)
    await signed(desk, await at_once(desk, bodies(desk)), before)
    assert calls >= 2 and ways["_in_two"] >= 1


async def test_numbers_that_came_with_invoices_are_asked_about(desk: Desk, ways: "Counter[str]") -> None:
    before = await warm(desk)
    sent: list[Any] = bodies(desk)
    for order, body in enumerate(sent[COUNT // 2 :]):
        body["number"] = 100_000 + order
    replies = await at_once(desk, sent)
    assert {reply.status for reply in replies} == {201}
    assert [reply.json["number"] for reply in replies[COUNT // 2 :]] == [100_000 + order for order in range(COUNT // 2)]
    again = await at_once(desk, sent[COUNT // 2 :])
    assert {reply.status for reply in again} == {422}
    assert {reply.json["errors"][0]["code"] for reply in again} == {"B2_DUPLICATE_NUMBER"}
    assert await desk.count("invoice") == COUNT + 2 + before
