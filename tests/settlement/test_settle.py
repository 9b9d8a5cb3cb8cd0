# SPDX-License-Identifier: Apache-2.0
"""The settling kernel beside its twin; and what is no stream of rows is refused, however it is cut."""

import random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.base import ledger
from desmos_fast.base.types import Cents
from desmos_fast.db.kernel import Kind, read_stream
from ext.posts import Posts
from ext.settle import Settlement
from tests.generators.settling import DAYS, LINE_KINDS, ODD, PEOPLE, SHARE_KINDS, stream
from tests.oracle import settle as oracle
from tests.oracle.settle import Line, Share

MATCHES = 14


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def settle(lines: list[Line], shares: list[Share], chance: random.Random) -> Settlement:
    settlement = Settlement()
    for piece in pieces(stream(LINE_KINDS, lines), chance):
        settlement.take_lines(piece)
    for piece in pieces(stream(SHARE_KINDS, shares), chance):
        settlement.take_shares(piece)
    settlement.decide()
    return settlement


def posts_of(settlement: Settlement) -> Posts:
    return Posts(settlement, bytes(range(16)), "0123456789abcdef", "somebody", 0, 1_800_000_000_000)


def columns_of(posts: Posts, most: int = 3) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in range(MATCHES)]
    while (block := posts.matches(most))[0]:
        for column, text in zip(found, block[1:], strict=True):
            column.extend(text.split("\n"))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Line], list[Share]]:
    numbers = draw(st.lists(st.integers(1, 12), unique=True, max_size=8))
    shares = [
        Share(
            number.to_bytes(16, "big"), draw(st.sampled_from(["750000010", "750000028"])), number, part, "amo:01751",
            draw(st.integers(0, 5)), draw(st.sampled_from([None, 7, 12])), draw(st.sampled_from(PEOPLE)), draw(st.sampled_from(DAYS)),
        )
        for number in numbers for part in ("amo", "amc")
    ]  # fmt: skip
    lines = []
    for row in range(draw(st.integers(0, 12))):
        share = (
            draw(st.sampled_from(shares)) if shares else Share(b"i" * 16, "750000010", 1, "amo", "amo:01751", 3, None, PEOPLE[0], DAYS[0])
        )
        said = Line(
            bytes([row]) * 16, draw(st.integers(1, 12)) * 100 + row, draw(st.sampled_from(["f:1", "f:10", "g:2"])), share.biller,
            share.biller, share.part, share.payer, draw(st.integers(0, 6)), share.number, None, share.insured, share.care,
            draw(st.booleans()), True,
        )  # fmt: skip
        lines.append(said._replace(**draw(st.sampled_from([{}, {}, {}, {}, *ODD]))))
    return lines, shares


SHARE = Share(b"i" * 16, "750000010", 1, "amo", "amo:01751", 100, 7, PEOPLE[0], DAYS[0])


@settings(max_examples=300, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_kernel_settles_what_its_twin_does(world: tuple[list[Line], list[Share]], chance: random.Random) -> None:
    settlement = settle(*world, chance)
    expected = oracle.settled(*world)
    found = columns_of(posts_of(settlement))
    assert settlement.settled == len(expected)
    names = [(name, f"{share.biller}/{share.number}/{share.part}", str(UUID(bytes=share.invoice_id))) for name, share in expected]
    assert list(zip(found[5], found[6], found[11], strict=True)) == names


def test_entries_stand_in_one_order_and_chain() -> None:
    line = Line(b"o" * 16, 2, "f:1", "750000010", "750000010", "amo", "amo:01751", 130, 1, None, PEOPLE[0], DAYS[0], False, True)
    posts = posts_of(settle([line], [SHARE], random.Random(1)))
    others = [ledger.line_without_invoice(ref, "amo:01751", Cents(5)) for ref in ("f:1#1", "f:1#3")]
    given = [(bytes([row]) * 16, one.event.encode(), one.ref.encode(), ledger.canonical(one)) for row, one in enumerate(others)]
    posts.chain(ledger.GENESIS, 7, given)
    kinds = [Kind.UUID, Kind.UUID, Kind.INT8, Kind.TEXT, Kind.TEXT, Kind.TIMESTAMPTZ, Kind.BYTEA]
    _, ids, numbers, events, refs, _, hashes = read_stream(posts.ledger_entries(), kinds)
    entry = ledger.overpaid("f:1#2", "amo:01751", "750000010/1", Cents(100), Cents(30))
    assert (list(numbers), refs) == ([7, 8, 9], ["f:1#1", "f:1#2", "f:1#3"])
    assert events == ["line.without_invoice", "line.overpaid", "line.without_invoice"]
    assert hashes == ledger.chain(ledger.GENESIS, [others[0], entry, others[1]])
    assert posts.last_hash() == hashes[-1]
    _, of, lines, accounts, debits, credits = read_stream(
        posts.ledger_lines(), [*kinds[:1], Kind.UUID, Kind.INT2, Kind.TEXT, Kind.INT8, Kind.INT8]
    )
    assert set(of) == {ids[1]}
    assert list(zip(lines, accounts, debits, credits, strict=True)) == [
        (number, one.account, one.debit, one.credit) for number, one in enumerate(entry.lines, 1)
    ]
    assert posts.ledger_entries() == b"" and posts.ledger_lines() == b""


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400), st.booleans())
def test_damaged_streams_are_refused_and_never_break_anything(noise: bytes, at: int, shares: bool) -> None:
    line = Line(b"o" * 16, 2, "f:1", "750000010", "750000010", "amo", "amo:01751", 130, 1, "007", PEOPLE[0], DAYS[0], False, True)
    lines, due = stream(LINE_KINDS, [line] * 3), stream(SHARE_KINDS, [SHARE] * 3)
    damaged = (due if shares else lines)[:at] + noise + (due if shares else lines)[at + len(noise) :]
    settlement = Settlement()
    try:
        settlement.take_lines(lines if shares else damaged)
        settlement.take_shares(damaged if shares else due)
        settlement.decide()
    except ValueError:
        return
    assert 0 <= settlement.settled <= 3
    columns_of(posts_of(settlement))


@pytest.mark.parametrize("data", [b"", b"PGCOPY\n\xff\r\n\x00", stream(LINE_KINDS, [])[:-1]])
def test_a_stream_without_its_end_decides_nothing(data: bytes) -> None:
    settlement = Settlement()
    settlement.take_lines(data)
    with pytest.raises(ValueError, match="not ended"):
        settlement.take_shares(stream(SHARE_KINDS, []))
    with pytest.raises(ValueError):
        settlement.decide()


def test_names_that_do_not_fit_are_refused() -> None:
    settlement = settle([], [], random.Random(1))
    for tenant, word in ((b"short", "a"), (bytes(16), "a" * 101), (bytes(16), "a\0b")):
        with pytest.raises(ValueError):
            Posts(settlement, tenant, word, "somebody", 0, 0)


def test_a_share_that_owes_less_than_nothing_is_none() -> None:
    settlement = Settlement()
    settlement.take_lines(stream(LINE_KINDS, []))
    with pytest.raises(ValueError, match="a row is not what was asked for"):
        settlement.take_shares(stream(SHARE_KINDS, [SHARE._replace(amount=-1)]))
