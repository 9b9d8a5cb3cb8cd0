# SPDX-License-Identifier: Apache-2.0
"""The targets of bank statements: CFONB 120, whose kernel the fuzzer sees, and camt, whose reader it only sees from outside."""

import io
import random
import re
import zlib
from collections.abc import Sequence
from typing import Final

import msgspec

from desmos_fast.settlement.bank import Format, read_statement, stream_statement
from desmos_fast.settlement.bank import input as reading
from desmos_fast.settlement.bank.model import BankFault, BankRefused, Statement
from tests.generators import camt, statements
from tests.oracle import cfonb120

REFUSALS: Final = frozenset({
    "BANK_RECORD_LENGTH", "BANK_UNKNOWN_RECORD", "BANK_BAD_DATE", "BANK_BAD_AMOUNT", "BANK_NO_OPENING", "BANK_NO_CLOSING",
    "BANK_ORPHAN_DETAIL", "BANK_KEY_MISMATCH", "BANK_UNBALANCED", "BANK_CURRENCY", "BANK_XML", "BANK_DECIMALS", "BANK_EMPTY",
    "BANK_TOO_LARGE",
})  # fmt: skip
WARNINGS: Final = frozenset({
    "BANK_GAP", "BANK_UNKNOWN_QUALIFIER", "BANK_UNKNOWN_OPERATION", "BANK_OLD_DETAIL", "BANK_BATCH_SUM", "BANK_DEFAULT_CURRENCY",
})  # fmt: skip
NIR: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6}(?:[0-9]{2})?(?![0-9A-Za-z])")
SEEDS: Final = 24


def cfonb(data: bytes, twin: bool) -> None:
    """A statement gives its first fault, or lines that add up to its balances; by blocks of any size the same."""
    found = _read(data, "cfonb120")
    _sound(found, data)
    if isinstance(found, Statement):
        moved = sum(block.closing - block.opening for block in found.blocks)
        assert sum(line.amount for line in found.lines) == moved, "the lines are not what the balances say"
    if twin:
        try:
            expected: BankFault | Statement = cfonb120.parse(data)
        except BankRefused as refused:
            expected = refused.fault
        assert msgspec.json.encode(found) == msgspec.json.encode(expected), "the twin reads something else"


def camt_(data: bytes, twin: bool) -> None:
    """A camt file gives its first fault, or lines that are told from each other; by blocks of any size the same."""
    found = _read(data, "camt")
    _sound(found, data)
    if isinstance(found, Statement):
        assert len({line.id for line in found.lines}) == len(found.lines)
        assert sum(entry.lines for entry in found.entries) <= len(found.lines)


def _read(data: bytes, name: Format) -> BankFault | Statement:
    """Read as a whole and by blocks whose size the input decides; both give the same."""
    try:
        found: BankFault | Statement = read_statement(data, name)
    except BankRefused as refused:
        found = refused.fault
    size, before = 1 + zlib.crc32(data) % 300, reading.BLOCK
    again, lines = reading.Found(), b""
    reading.BLOCK = size  # type: ignore[misc]
    try:
        lines = b"".join(stream_statement(io.BytesIO(data), again, name))
        assert isinstance(found, Statement), "blocks are read where the whole is refused"
        assert lines == msgspec.json.Encoder().encode_lines(found.lines), "blocks give other lines"
        assert again.warnings == found.warnings, "blocks give other warnings"
    except BankRefused as refused:
        assert isinstance(found, BankFault) and refused.fault.code == found.code, "blocks have another fault"
    finally:
        reading.BLOCK = before  # type: ignore[misc]
    return found


def _sound(found: BankFault | Statement, data: bytes) -> None:
    """Every fault and warning has a code that is documented, says something, and shows no NIR; a sum may look like one."""
    told = [found] if isinstance(found, BankFault) else found.warnings
    for fault in told:
        assert fault.code in (WARNINGS if fault.level == "warning" else REFUSALS), f"{fault.code} is no code of this side"
        assert fault.message and fault.hint
        assert fault.code == "BANK_GAP" or not NIR.search(str(fault.value)), "a fault shows a NIR"


def cfonb_seeds() -> list[bytes]:
    """Return statements of every kind that the generator knows."""
    chance = random.Random("cfonb")
    return [statements.statement(chance, 4) for _ in range(SEEDS)]


def cfonb_words() -> list[bytes]:
    """Return beginnings of records, qualifiers, codes, signed amounts and dates."""
    words = [b"01", b"04", b"05", b"07", b"EUR2", b"\r\n", b"{", b"}", b"A", b"R", b" " * 120, b"0000000000000{", b"011026", b"NOTPROVIDED"]
    return words + [text.encode("latin-1") for text in (*statements.QUALIFIERS, *statements.OPERATIONS, *statements.TEXTS)]


def cfonb_change(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damage a statement, or leave a new one sound."""
    if not chance.randrange(3):
        return statements.statement(chance, 3)
    return statements.damaged(chance, data or chance.choice(others))


NUMBER: Final = "185079999900153"
AMOUNTS: Final = ("5.00", "1669.56", "0", "1.001", "-1", "9" * 15, "x", "12.34500", "")


def camt_message(chance: random.Random) -> bytes:
    """Return a message with entries of every kind."""

    def some(*of: str | None) -> str | None:
        return chance.choice(of)

    entries = []
    for _ in range(chance.randrange(4)):
        details = [
            camt.Detail(
                some(None, *AMOUNTS), chance.choice(("EUR", "EUR", "USD")), some(None, "NOTPROVIDED", "E2E12345"), some(None, "INS12345"),
                some(None, "PMT1"), some(None, "SRV2"), some(None, "CPAM & CIE", NUMBER), some(None, "FR1"),
                chance.choice(((), ("DECOMPTE 12345", ""))), some(None, "RF99999"), some(None, "CRDT", "DBIT"),
            )
            for _ in range(chance.choice((0, 0, 1, 2)))
        ]  # fmt: skip
        entries.append(
            camt.Entry(
                chance.choice(AMOUNTS[:3] * 3 + AMOUNTS), chance.choice(("EUR", "EUR", "XPF", "TND", "eur")),
                chance.choice(("CRDT", "DBIT", "CRDT", "X")), some("BOOK", "BOOK", "PDNG", None), chance.choice((None, True)),
                some("2026-10-02", "2026-10-02T00:00:00Z", None), some("2026-10-02", None, "2026-13-01"), some(None, "1", NUMBER),
                some(None, "SRV1"), some(None, "LOT1"), some(None, "VIR SEPA 55555"), chance.choice((None, ("PMNT", "RCDT", "ESCT"))),
                details,
            )  # fmt: skip
        )
    return camt.Message(
        entries, chance.choice(camt.VERSIONS), chance.choice((True, False)), chance.choice((True, False)),
        balances=chance.choice(((), (("OPBD", "1.00", "2026-10-01"), ("CLBD", "-7.00", "2026-10-31")))),
    ).bytes()  # fmt: skip


def camt_change(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change bytes or whole elements, or make a new message."""
    if not chance.randrange(3):
        return camt_message(chance)
    changed = bytearray(data or chance.choice(others))
    for _ in range(chance.choice((1, 1, 2))):
        marks = [found.start() for found in re.finditer(rb"<", changed)] or [0]
        start, stop = sorted(chance.choices(marks, k=2))
        word = chance.choice(CAMT_WORDS)
        how = chance.randrange(5)
        if how == 0:
            del changed[start:stop]
        elif how == 1:
            changed[start:start] = bytes(changed[start:stop])
        elif how == 2:
            changed[start:start] = word
        elif changed:
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice((0, 1, 8))] = word if how == 3 else bytes([chance.randrange(256)])
    return bytes(changed)


CAMT_WORDS: Final = [
    b"<Ntry>", b"</Ntry>", b"<Stmt>", b"</Stmt>", b"<TxDtls/>", b"<NtryDtls>", b'<Amt Ccy="EUR">1.00</Amt>', b"<!DOCTYPE a>", b"<!-- -->",
    b"&amp;", b"&a;", b"<![CDATA[", b"]]>", b"<?p?>", b"<Rpt/>", b"<Sts><Cd>PDNG</Cd></Sts>", b"xmlns=", b"<a:", b"\xff", b"\x00",
    NUMBER.encode(),
]  # fmt: skip


def camt_seeds() -> list[bytes]:
    """Return messages of every kind that the generator knows."""
    chance = random.Random("camt")
    return [camt_message(chance) for _ in range(SEEDS)]
