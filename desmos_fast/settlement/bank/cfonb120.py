# SPDX-License-Identifier: Apache-2.0
"""CFONB 120 statements: records of 120 characters, checked in four rounds; the first fault refuses the file.

Rounds: lengths and types, order of records, fields, sums. Positions in faults count from 1, as the norm does.
"""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final, NamedTuple, NoReturn

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank import kernel
from desmos_fast.settlement.bank.input import Found, blocks_of, hash_of, refuse
from desmos_fast.settlement.bank.model import WARNINGS_KEPT, BankFault, Block

FORMAT: Final = "cfonb120"
WIDTH: Final = 120
_AGAIN: Final = "ask the bank for the file again"
_WHOLE: Final = "ask the bank for the whole file again"
_MIXED: Final = f"{_AGAIN}: blocks are mixed"


class _Word(NamedTuple):
    """What a kind of fault is called: its code, the last position that it is about (0: the record as a whole), sentence and advice."""

    code: str
    last: int
    message: str
    hint: str = _AGAIN


_FAULTS: Final = {
    "unknown_record": _Word(
        "BANK_UNKNOWN_RECORD", 2, "no record of this type in a CFONB 120 statement", "check that this is a CFONB 120 file"
    ),
    "no_opening": _Word("BANK_NO_OPENING", 0, "a record {kind} comes without an opening balance (01) before it", _WHOLE),
    "unclosed": _Word("BANK_NO_CLOSING", 0, "an opening balance comes before the closing balance of record {opened}'s block", _WHOLE),
    "ended": _Word("BANK_NO_CLOSING", 0, "the file ends before the closing balance (07) of record {opened}'s block", _WHOLE),
    "orphan_detail": _Word("BANK_ORPHAN_DETAIL", 0, "a detail (05) follows no movement (04)", _WHOLE),
    "too_many_details": _Word("BANK_TOO_LARGE", 0, f"a movement has more than {kernel.MOST_DETAILS} details (05)", _WHOLE),
    "branch": _Word("BANK_KEY_MISMATCH", 16, "the branch differs from that of the opening balance, {branch}", _MIXED),
    "number": _Word("BANK_KEY_MISMATCH", 32, "the account number differs from that of the opening balance, {account}", _MIXED),
    "currency_form": _Word("BANK_CURRENCY", 19, "not a currency of three letters"),
    "decimals_form": _Word("BANK_DECIMALS", 20, "the number of decimals is not a digit"),
    "other_currency": _Word("BANK_CURRENCY", 19, "the block is in {currency}"),
    "no_day": _Word("BANK_BAD_DATE", 5, "no such day; a date is day, month, year"),
    "date_form": _Word("BANK_BAD_DATE", 5, "not six digits; a date is day, month, year"),
    "amount_form": _Word(
        "BANK_BAD_AMOUNT", 104, "an amount is 13 digits, then a letter or brace for the last digit and the sign"
    ),
    "parts_of_unit": _Word("BANK_DECIMALS", 104, "with {decimals} decimals this is no whole number of {currency} minor units"),
    "unbalanced": _Word(
        "BANK_UNBALANCED", 104, "opening {before} + movements {total} = {sum}, but the closing balance is {after}",
        f"{_AGAIN}: {{missing}} minor units are missing or too much",
    ),
}  # fmt: skip
_WARNINGS: Final = {
    "default_currency": _Word(
        "BANK_DEFAULT_CURRENCY", 20, "currency or decimals are blank; those of the block are taken, EUR and 2 where it has none",
        "check that the account is in this currency",
    ),
    "unknown_operation": _Word(
        "BANK_UNKNOWN_OPERATION", 34, "this operation code is not in our table; the movement is kept",
        "tell whether such movements can come from a payer",
    ),
    "old_detail": _Word(
        "BANK_OLD_DETAIL", 81, "this detail follows an older layout; its text is kept as it is",
        "ask the bank for the details of the present norm",
    ),
    "unknown_qualifier": _Word(
        "BANK_UNKNOWN_QUALIFIER", 48, "this qualifier is not in our table; its text is kept", "tell what the bank means by it"
    ),
}  # fmt: skip


def lines(source: BinaryIO, found: Found) -> Iterator[bytes]:
    """Give the lines of a statement as JSON, block by block; nothing of them holds before the last one came.

    Raises BankRefused with the first fault.
    """
    rows = kernel.Survey()
    found.format, found.sha256 = FORMAT, hash_of(source, rows.feed)
    wrong = rows.close()
    reader = kernel.reader(found.sha256)
    for data in blocks_of(source, wrong and wrong[0]):
        yield reader.feed(data)
        _take(reader, found)
    yield reader.close()
    _take(reader, found)
    found.lines = reader.lines
    found.warned += max(0, reader.warned - WARNINGS_KEPT)
    fault = kernel.fault_of(reader)
    if wrong is not None and (fault is None or fault.kind != "unknown_record"):
        _wrong_length(reader.records + 1, *wrong[1:])
    if fault is not None:
        _refuse(fault)
    if not reader.records:
        refuse("BANK_EMPTY", "the file holds no record at all", _AGAIN)


def _take(reader: kernel.Reader, found: Found) -> None:
    for told in reader.warnings():
        found.warn(_warning(*told))
    for account, currency, opening_date, opening, closing_date, closing, number in reader.blocks():
        block = Block(
            account=account.decode("latin-1"), currency=currency.decode(), opening_date=_day(opening_date), opening=Cents(opening),
            closing_date=_day(closing_date), closing=Cents(closing), line=number,
        )  # fmt: skip
        found.add_block(block)


def _day(text: bytes) -> date:
    return date.fromisoformat(text.decode())


def _wrong_length(number: int, length: int, head: bytes, any_too_long: bool) -> NoReturn:
    message = f"record {number} has {length} characters, {WIDTH} are needed"
    if length < WIDTH and not any_too_long and not head.endswith(b" "):
        message += "; it looks as if a text editor cut the blanks at the end of the lines"
    elif length > WIDTH and _length_as_utf8(head, length) == WIDTH:
        message += "; it looks as if the file was changed to UTF-8, its characters must be one byte each"
    hint = "ask the bank for the file again and do not open it in an editor"
    refuse("BANK_RECORD_LENGTH", message, hint, number, min(length, WIDTH) + 1, str(length))


def _length_as_utf8(head: bytes, length: int) -> int | None:
    try:
        return len(head.decode("utf-8")) if len(head) == length else None
    except UnicodeDecodeError:
        return None


def _refuse(told: kernel.Told) -> NoReturn:
    word = _FAULTS[told.kind]
    text, opening = told.record.decode("latin-1"), told.opening.decode("latin-1")
    total, missing = told.before + told.total, told.after - told.before - told.total
    said = {
        "kind": text[:2], "opened": told.opened, "branch": opening[11:16].strip() or "blank", "account": opening[21:32].strip() or "blank",
        "currency": opening[16:19].strip().upper() or "EUR", "decimals": text[19].strip() or opening[19].strip() or "2",
        "before": told.before, "total": told.total, "sum": total, "after": told.after, "missing": missing,
    }  # fmt: skip
    first, last = told.position, told.position + 5 if word.code == "BANK_BAD_DATE" else word.last
    where = f"record {told.number}, positions {first} to {last}" if last else f"record {told.number}"
    message, hint = word.message.format_map(said), word.hint.format_map(said)
    refuse(word.code, f"{where}: {message}", hint, told.number, first, text[first - 1 : last or 2])


def _warning(kind: str, position: int, number: int, record: bytes) -> BankFault:
    word = _WARNINGS[kind]
    value = record.decode("latin-1")[position - 1 : word.last]
    if kind == "old_detail":
        value = mask_nir(value.rstrip())
    elif kind == "unknown_qualifier":
        value = value.strip()
    return BankFault(
        code=word.code, level="warning", line=number, position=position, value=value, message=f"record {number}: {word.message}",
        hint=word.hint,
    )  # fmt: skip
