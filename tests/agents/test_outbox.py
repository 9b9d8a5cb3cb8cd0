# SPDX-License-Identifier: Apache-2.0
"""The queue of a workstation: on disk before anything else, sealed, numbered without a gap, and nobody else's."""

import asyncio
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from readers.outbox.outbox import Outbox, OutboxBroken
from tests.agents.workstation import READER, happened

KEY = b"k" * 32


async def fill(outbox: Outbox, count: int, first: int = 1) -> None:
    for rank in range(first, first + count):
        assert await outbox.put(happened("card_inserted", f"reader {rank}"))


async def told(outbox: Outbox) -> list[tuple[int, str]]:
    return [(one.number, one.reader) for one in await outbox.batch(1000)]


async def test_what_waits_is_there_again(tmp_path: Path) -> None:
    event = happened("card_inserted", atr="3B00")
    async with Outbox(tmp_path / "q", KEY) as outbox:
        assert await outbox.put(event)
    async with Outbox(tmp_path / "q", KEY) as outbox:
        (one,) = await outbox.batch(10)
        assert (one.number, one.kind, one.at, one.reader, one.atr) == (1, event.kind, event.at, READER, "3B00")
        assert await outbox.count() == 1
    assert stat.S_IMODE(os.stat(tmp_path / "q").st_mode) == 0o600


async def test_what_is_received_leaves_and_numbers_go_on(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "q", KEY) as outbox:
        await fill(outbox, 5)
        await outbox.agree(0)
        await outbox.agree(3)
        assert await told(outbox) == [(4, "reader 4"), (5, "reader 5")]
        await outbox.agree(5)
    # The number of what left is never given again.
    async with Outbox(tmp_path / "q", KEY) as outbox:
        await fill(outbox, 1, 6)
        assert await told(outbox) == [(6, "reader 6")]


@pytest.mark.parametrize("received", [0, 7, 100])
async def test_a_new_queue_goes_on_where_the_service_is(tmp_path: Path, received: int) -> None:
    async with Outbox(tmp_path / "q", KEY) as outbox:
        await fill(outbox, 10)
        await outbox.agree(received)
        assert await told(outbox) == [(received + rank, f"reader {rank}") for rank in range(1, 11)]
        await outbox.agree(received + 4)
        assert (await told(outbox))[0] == (received + 5, "reader 5")


async def test_a_workstation_that_is_enrolled_anew_begins_with_one(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "q", KEY) as outbox:
        await fill(outbox, 10)
        await outbox.agree(0)
        await outbox.agree(6)
        await outbox.agree(0)
        assert await told(outbox) == [(rank, f"reader {rank + 6}") for rank in range(1, 5)]


async def test_who_waits_is_woken(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "q", KEY) as outbox:
        waiting = asyncio.create_task(outbox.batch(10))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await fill(outbox, 1)
        async with asyncio.timeout(1):
            assert len(await waiting) == 1


async def test_nothing_can_be_read_without_the_key_or_put_elsewhere(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "q", KEY) as outbox:
        await fill(outbox, 2)
    assert b"reader" not in (tmp_path / "q").read_bytes() and b"card" not in (tmp_path / "q").read_bytes()
    async with Outbox(tmp_path / "q", b"x" * 32) as outbox:
        with pytest.raises(OutboxBroken):
            await outbox.batch(10)
    with sqlite3.connect(tmp_path / "q") as db:
        db.execute("UPDATE queue SET place = 3 WHERE place = 2")
    db.close()
    async with Outbox(tmp_path / "q", KEY) as outbox:
        with pytest.raises(OutboxBroken):
            await outbox.batch(10)


async def test_two_agents_do_not_share_a_queue(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "q", KEY):
        with pytest.raises(OutboxBroken, match="locked"):
            async with Outbox(tmp_path / "q", KEY):
                pass
    async with Outbox(tmp_path / "q", KEY) as outbox:
        assert await outbox.count() == 0


async def test_a_full_queue_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with Outbox(tmp_path / "q", KEY, most=3) as outbox:
        await fill(outbox, 3)
        assert not await outbox.put(happened("card_removed"))
        assert [number for number, _ in await told(outbox)] == [1, 2, 3]


async def test_what_is_no_queue_is_told(tmp_path: Path) -> None:
    (tmp_path / "q").write_bytes(b"no database at all" * 100)
    with pytest.raises(OutboxBroken):
        async with Outbox(tmp_path / "q", KEY):
            pass
