# SPDX-License-Identifier: Apache-2.0
"""Ids: of their version, in order of time, and never twice, whichever thread or process makes them."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from desmos_fast.base import types
from desmos_fast.base.types import uuid7, uuid7_text


def test_an_id_says_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = [uuid7(), UUID(uuid7_text())]
    after = time.time_ns() // 1_000_000
    for one in made:
        assert (one.version, one.variant) == (7, RFC_4122)
        assert before <= one.int >> 80 <= after


def test_a_text_is_that_of_an_id() -> None:
    for _ in range(1000):
        text = uuid7_text()
        assert text == str(UUID(text))


def test_every_bit_of_chance_changes() -> None:
    made = [uuid7().int for _ in range(500)]
    ones = zeros = 0
    for one in made:
        ones |= one
        zeros |= ~one
    chance = ((1 << 80) - 1) & ~(0xF << 76) & ~(0x3 << 62)
    assert chance.bit_count() == 74
    assert ones & chance == chance
    assert zeros & chance == chance


def test_threads_share_no_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [text for texts in pool.map(lambda _: [uuid7_text() for _ in range(2000)], range(8)) for text in texts]
    assert len(set(made)) == 16_000
    assert len({text[14:] for text in made}) == 16_000, "chance was given twice"


def test_a_child_makes_other_ids_than_its_parent() -> None:
    uuid7()
    assert types._chances, "some chance is ready when the process is forked"
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(writer, "".join(uuid7_text()[14:] for _ in range(300)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(child, 0)
    theirs = {told[at : at + 22] for at in range(0, len(told), 22)}
    assert len(theirs) == 300
    assert theirs.isdisjoint({uuid7_text()[14:] for _ in range(300)})
