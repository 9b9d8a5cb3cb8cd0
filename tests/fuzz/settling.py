# SPDX-License-Identifier: Apache-2.0
"""The target of the settling kernels: two streams of the database, one behind the other, and all that follows from their rows."""

import hashlib
import json
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Entry
from desmos_fast.base.types import Cents
from desmos_fast.db.kernel import Kind, StreamUnread, read_stream
from ext.posts import Posts
from ext.settle import Settlement
from tests.generators.settling import LINE_KINDS, SHARE_KINDS, streams
from tests.oracle import settle as oracle
from tests.oracle.settle import Line, Share

EVENT_KINDS: Final = [
    Kind.UUID, Kind.UUID, Kind.TEXT, Kind.UUID, Kind.UUID, Kind.TEXT, Kind.JSONB, Kind.TIMESTAMPTZ, Kind.TEXT,
]  # fmt: skip
ENTRY_KINDS: Final = [Kind.UUID, Kind.UUID, Kind.INT8, Kind.TEXT, Kind.TEXT, Kind.TIMESTAMPTZ, Kind.BYTEA]
ENTRY_LINE_KINDS: Final = [Kind.UUID, Kind.UUID, Kind.INT2, Kind.TEXT, Kind.INT8, Kind.INT8]
SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
NOT_A_STREAM: Final = frozenset({
    "not a stream of rows", "a row is not what was asked for", "this stream has ended", "the stream has not ended",
})  # fmt: skip
OTHERS: Final = [ledger.line_without_invoice(ref, "amo:01751", Cents(5)) for ref in ("f:1", "f:1#100", "g", "\x7f")]
SEEDS: Final = 24
FIRST: Final = 7


def settle(data: bytes, twin: bool) -> None:
    """What is no stream is refused in known words; the rest is settled, however it is cut, and what follows agrees with itself."""
    at = max(data.rfind(SIGNATURE), 0)
    lines, shares = data[:at], data[at:]
    found = settled(lines, shares, len(data) + 1)
    again = settled(lines, shares, 1 + zlib.crc32(data) % 64)
    if isinstance(found, str) or isinstance(again, str):
        assert isinstance(found, str) and isinstance(again, str), "what is cut otherwise is taken and refused"
        assert {found, again} <= NOT_A_STREAM
        return
    posts, expected = _posts(found), _columns(_posts(found), 3)
    assert _without_ids(expected) == _without_ids(_columns(_posts(again), 5)), "what is cut otherwise is settled otherwise"
    _follows(found.settled, posts)
    if twin:
        _as_the_twin(lines, shares, expected)


def settled(lines: bytes, shares: bytes, size: int) -> Settlement | str:
    """Settle two streams that come in pieces of a size; return why not when they are refused."""
    settlement = Settlement()
    try:
        for piece in _pieces(lines, size):
            settlement.take_lines(piece)
        for piece in _pieces(shares, size):
            settlement.take_shares(piece)
        settlement.decide()
    except ValueError as error:
        return str(error)
    return settlement


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))
    yield b""


def _posts(settlement: Settlement) -> Posts:
    return Posts(settlement, bytes(range(16)), "0123456789abcdef", "somebody", 0, 1_800_000_000_000)


def _columns(posts: Posts, most: int) -> list[tuple[str, ...]]:
    """Return the matches as rows."""
    rows: list[tuple[str, ...]] = []
    while (block := posts.matches(most))[0]:
        count, *columns = block
        texts = [column.split("\n") for column in columns]
        assert {len(column) for column in texts} == {count}, "a column has lines of its own number"
        rows += zip(*texts, strict=True)
    return rows


def _without_ids(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [(*row[:2], *row[3:]) for row in rows]


def _follows(count: int, posts: Posts) -> None:
    """Matches, events, entries and their lines say the same of each line, and the chain is that of the ledger."""
    rows = _columns(posts, 2)
    assert len(rows) == count == posts.named + posts.nameless
    assert sum(int(row[7]) for row in rows) == posts.named_cents + posts.nameless_cents
    for _, _, _, key, rule, left, right, amount, residual, _, evidence, *_ in rows:
        said = json.dumps(["A", rule, [left], [right]], separators=(",", ":")).encode()
        assert key == hashlib.sha256(said).hexdigest()[:16], "a key is of another match"
        assert int(residual) <= int(amount) and isinstance(json.loads(evidence), dict)
    events = _rows(posts.events, EVENT_KINDS)
    assert Counter(row[2] for row in events if row[2] == "match.confirmed") == ({"match.confirmed": count} if count else {})
    assert [UUID(bytes=row[4]) for row in events[::2]] == [UUID(row[2]) for row in rows] and len(events) == 2 * count
    _chained(posts, rows)


def _chained(posts: Posts, rows: Sequence[tuple[str, ...]]) -> None:
    named = [(bytes([place]) * 16, one.event.encode(), one.ref.encode(), ledger.canonical(one)) for place, one in enumerate(OTHERS)]
    posts.chain(ledger.GENESIS, FIRST, named)
    entries = _rows(posts.ledger_entries, ENTRY_KINDS)
    posted: dict[bytes, list[ledger.Line]] = {}
    for _, entry, number, account, debit, credit in _rows(posts.ledger_lines, ENTRY_LINE_KINDS):
        posted.setdefault(entry, []).append(ledger.Line(account, Cents(debit), Cents(credit)))
        assert number == len(posted[entry])
    assert sum(map(len, posted.values())) == posts.entry_lines and len(posted) == posts.entries == len(entries) - len(OTHERS)
    others = iter(OTHERS)
    whole = [ledger.check(Entry(row[3], row[4], tuple(posted[row[1]]))) if row[1] in posted else next(others) for row in entries]
    assert [row[2] for row in entries] == list(range(FIRST, FIRST + len(entries)))
    assert [row[4].encode() for row in entries] == sorted(row[4].encode() for row in entries), "entries are not in order"
    assert [row[6] for row in entries] == ledger.chain(ledger.GENESIS, whole) and posts.last_hash() == entries[-1][6]
    assert sorted(entry.ref for entry in whole if entry not in OTHERS) == sorted(row[5] for row in rows if row[7] != "0")


def _rows(give: Callable[[], bytes], kinds: Sequence[Kind]) -> list[tuple[Any, ...]]:
    data = b""
    while block := give():
        data += block
    return list(zip(*read_stream(data, kinds), strict=True))


# --- the twin


def _as_the_twin(lines: bytes, shares: bytes, found: Sequence[tuple[str, ...]]) -> None:
    try:
        said = [Line(*row) for row in zip(*read_stream(lines, LINE_KINDS), strict=True)]
        due = [Share(*row) for row in zip(*read_stream(shares, SHARE_KINDS), strict=True)]
    except (StreamUnread, OverflowError):
        return
    # The database keeps one share of a part: the twin knows no others.
    if len({(one.biller, one.number, one.part, one.payer) for one in due}) < len(due):
        return
    expected = oracle.settled([one if _stands(one) else one._replace(plain=False) for one in said], due)
    names = [(name, f"{one.biller}/{one.number}/{one.part}", str(UUID(bytes=one.invoice_id))) for name, one in expected]
    assert sorted((row[5], row[6], row[11]) for row in found) == sorted(names), "the twin settles something else"


def _stands(line: Line) -> bool:
    """Say whether a line can be told in the words of a match: plain ASCII, no longer than they may be."""
    texts = ((line.biller, 14), (line.payer, 21), (line.ref, 200))
    plain = all(text and len(text) <= most and _is_plain(text) for text, most in texts)
    return plain and line.part in ("amo", "amc") and (line.insured is None or len(line.insured) == 32)


def _is_plain(text: str) -> bool:
    return all(32 <= ord(letter) < 127 and letter not in '"\\' for letter in text)


# --- inputs


def change(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Invent another centre, or change a few bytes, sizes and values of this one."""
    if not chance.randrange(3):
        return streams(chance)
    changed = bytearray(data or chance.choice(others))
    for _ in range(chance.choice((1, 1, 1, 3))):
        at = chance.randrange(len(changed) + 1)
        word = chance.choice(WORDS)
        how = chance.randrange(6)
        if how == 0:
            del changed[at : at + chance.choice((1, 4, 30))]
        elif how == 1:
            changed[at:at] = word
        elif how == 2:
            other = chance.choice(others)
            cut = chance.randrange(len(other) + 1)
            changed[at : at + 40] = other[cut : cut + 40]
        else:
            changed[at : at + (len(word) if how == 3 else 1)] = word if how == 3 else bytes([chance.randrange(256)])
    return bytes(changed)


WORDS: Final = [
    SIGNATURE, b"\0\x0e", b"\0\x09", b"\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\x08", b"\0\0\0\x10", b"\0\0\0\x20", b"\0\0\0\x03amo",
    b"\0\0\0\x03amc", b"\0\0\0\x09amo:01751", b"\0\0\0\x09750000010", b"\x7f" + b"\xff" * 7, b"\x80" + b"\0" * 7, b"\0" * 8,
    b"\0\0\0\x03007", b'"', b"\\", b"\n", b"\0", b"\x01",
]  # fmt: skip


def seeds() -> list[bytes]:
    """Return streams of every kind that is invented."""
    chance = random.Random("settle")
    return [streams(chance) for _ in range(SEEDS)]
