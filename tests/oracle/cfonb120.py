# SPDX-License-Identifier: Apache-2.0
"""The twin of the statement kernel: CFONB 120 in plain Python, checked in four rounds; the first fault refuses the file.

Rounds: lengths and types, order of records, fields, sums. Positions in faults count from 1, as the norm does.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple, NoReturn

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.currencies import minor_units
from desmos_fast.settlement.bank.model import WARNINGS_KEPT, BankFault, BankLine, BankRefused, Block, Source, Statement, gaps
from tests.oracle.cfonb120_details import Details

WIDTH: Final = 120
MOST_DETAILS: Final = 10_000
TYPES: Final = ("01", "04", "05", "07")
# Credits from payers, cheques, cash and cards first, then what may take money back.
OPERATIONS: Final = frozenset(
    ["05", "18", "13", "39", "45", "C2", "02", "04", "30", "91"] + ["06", "21", "C1", "B1", "B2", "B3", "B4", "B5", "B6", "12", "C4"]
)
_BREAKS: Final = re.compile(rb"\r\n|\r|\n")
_AMOUNT: Final = re.compile(r"[0-9]{13}[{}A-R]")
_DIGITS: Final = re.compile(r"[0-9]{6}")
_CREDIT: Final = "{ABCDEFGHI"
_DEBIT: Final = "}JKLMNOPQR"


class Record(NamedTuple):
    """One record padded to 120 characters, with its number from 1 among the records of the file."""

    number: int
    text: str

    def at(self, first: int, last: int) -> str:
        """Return the characters from position `first` to `last`, both from 1 and included."""
        return self.text[first - 1 : last]


class Money(NamedTuple):
    """The currency of a block and how many decimals its amounts carry."""

    currency: str
    decimals: int


class Movement(NamedTuple):
    """One 04 and the 05 records below it."""

    record: Record
    details: list[Record]


class RawBlock(NamedTuple):
    """The records of one block, in order and not read yet."""

    opening: Record
    movements: list[Movement]
    closing: Record


def parse(data: bytes) -> Statement:
    """Read a whole statement file.

    Raises BankRefused with the first fault; nothing of a refused file is kept.
    """
    records = _records(data)
    sha256 = hashlib.sha256(data).hexdigest()
    warnings: list[BankFault] = []
    lines: list[BankLine] = []
    read = [_read_block(raw, sha256, lines, warnings) for raw in _blocks(records)]
    for block, total, closing in read:
        _balance(block, total, closing)
    blocks = [block for block, _, _ in read]
    del warnings[WARNINGS_KEPT:]
    warnings.extend(gaps(blocks)[:WARNINGS_KEPT])
    warnings.sort(key=lambda fault: (fault.line or 0, fault.position or 0, fault.code))
    return Statement(sha256=sha256, format="cfonb120", lines=tuple(lines), blocks=tuple(blocks), warnings=tuple(warnings))


def _refuse(code: str, message: str, hint: str, line: int | None = None, position: int | None = None, value: str | None = None) -> NoReturn:
    shown = None if value is None else mask_nir(value)
    raise BankRefused(BankFault(code=code, message=message, hint=hint, line=line, position=position, value=shown))


def _field(code: str, record: Record, first: int, last: int, message: str, hint: str) -> NoReturn:
    _refuse(code, f"record {record.number}, positions {first} to {last}: {message}", hint, record.number, first, record.at(first, last))


# --- lengths and types


def _records(data: bytes) -> list[Record]:
    pieces: list[bytes] = []
    rows = [row for row in _BREAKS.split(data) if row.strip()]
    for row in rows:
        # Without separators the whole file is one row, of which only the last piece may be short.
        whole = len(row) % WIDTH == 0 or len(rows) == 1
        cut = [row[at : at + WIDTH] for at in range(0, len(row), WIDTH)] if whole else [row]
        pieces.extend(piece for piece in cut if piece.strip())
    if not pieces:
        _refuse("BANK_EMPTY", "the file holds no record at all", "ask the bank for the file again")
    records = []
    for number, piece in enumerate(pieces, 1):
        if len(piece) > WIDTH or (len(piece) < WIDTH and number < len(pieces)):
            _wrong_length(number, piece, pieces)
        record = Record(number, piece.decode("latin-1").ljust(WIDTH))
        if record.at(1, 2) not in TYPES:
            _field(
                "BANK_UNKNOWN_RECORD",
                record,
                1,
                2,
                "no record of this type in a CFONB 120 statement",
                "check that this is a CFONB 120 file",
            )
        records.append(record)
    return records


def _wrong_length(number: int, piece: bytes, pieces: Sequence[bytes]) -> NoReturn:
    message = f"record {number} has {len(piece)} characters, {WIDTH} are needed"
    hint = "ask the bank for the file again and do not open it in an editor"
    if len(piece) < WIDTH and max(map(len, pieces)) <= WIDTH and not piece.endswith(b" "):
        message += "; it looks as if a text editor cut the blanks at the end of the lines"
    elif len(piece) > WIDTH and _length_as_utf8(piece) == WIDTH:
        message += "; it looks as if the file was changed to UTF-8, its characters must be one byte each"
    _refuse("BANK_RECORD_LENGTH", message, hint, number, min(len(piece), WIDTH) + 1, str(len(piece)))


def _length_as_utf8(piece: bytes) -> int | None:
    try:
        return len(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return None


# --- order


def _blocks(records: Sequence[Record]) -> list[RawBlock]:
    blocks: list[RawBlock] = []
    opening: Record | None = None
    movements: list[Movement] = []
    for record in records:
        kind = record.at(1, 2)
        if kind == "01":
            if opening is not None:
                _no_closing(record, f"an opening balance comes before the closing balance of record {opening.number}'s block")
            opening, movements = record, []
        elif kind == "05":
            if not movements:
                _order("BANK_ORPHAN_DETAIL", record, "a detail (05) follows no movement (04)")
            if len(movements[-1].details) == MOST_DETAILS:
                _order("BANK_TOO_LARGE", record, f"a movement has more than {MOST_DETAILS} details (05)")
            movements[-1].details.append(record)
        elif opening is None:
            _order("BANK_NO_OPENING", record, f"a record {kind} comes without an opening balance (01) before it")
        elif kind == "04":
            movements.append(Movement(record, []))
        else:
            blocks.append(RawBlock(opening, movements, record))
            opening, movements = None, []
    if opening is not None:
        _no_closing(records[-1], f"the file ends before the closing balance (07) of record {opening.number}'s block")
    return blocks


def _order(code: str, record: Record, message: str) -> NoReturn:
    _refuse(code, f"record {record.number}: {message}", "ask the bank for the whole file again", record.number, 1, record.at(1, 2))


def _no_closing(record: Record, message: str) -> NoReturn:
    _order("BANK_NO_CLOSING", record, message)


# --- fields


def _read_block(raw: RawBlock, sha256: str, lines: list[BankLine], warnings: list[BankFault]) -> tuple[Block, int, Record]:
    # The block, the sum of its movements, and the closing record that the sum must explain.
    opening = raw.opening
    money = _money(opening, None, warnings)
    opening_date = _date(opening, 35)
    opening_amount = _amount(opening, money)
    account = "".join((opening.at(3, 7) + opening.at(12, 16) + opening.at(22, 32)).split())
    total = 0
    for movement in raw.movements:
        line = _read_movement(movement, opening, account, money, sha256, warnings)
        total += line.amount
        lines.append(line)
    closing = raw.closing
    _same_account(closing, opening)
    _money(closing, money, warnings)
    block = Block(
        account=account,
        currency=money.currency,
        opening_date=opening_date,
        opening=opening_amount,
        closing_date=_date(closing, 35),
        closing=_amount(closing, money),
        line=opening.number,
    )
    return block, total, closing


def _read_movement(movement: Movement, opening: Record, account: str, money: Money, sha256: str, warnings: list[BankFault]) -> BankLine:
    record = movement.record
    _same_account(record, opening)
    _money(record, money, warnings)
    operation = record.at(33, 34).strip()
    if operation not in OPERATIONS:
        warnings.append(_unknown_operation(record))
    booking_date = _date(record, 35)
    value_date = _date(record, 43) if record.at(43, 48).strip() else None
    label = record.at(49, 79).rstrip()
    amount = _amount(record, money)
    details = Details(label)
    for detail in movement.details:
        _same_account(detail, opening)
        warnings.extend(details.add(detail.number, detail.text))
    return BankLine(
        id=f"{sha256[:16]}:{record.number}",
        account=account,
        booking_date=booking_date,
        value_date=value_date,
        amount=amount,
        currency=money.currency,
        operation_code=operation or None,
        label=label,
        remittance=tuple(details.remittance),
        end_to_end_id=details.end_to_end_id,
        payer_name=details.payer_name,
        payer_id=details.payer_id,
        references=tuple(details.references()),
        qualifiers=tuple(details.qualifiers),
        status="booked",
        source=Source(file_sha256=sha256, line=record.number, format="cfonb120"),
    )


def _unknown_operation(record: Record) -> BankFault:
    return BankFault(
        code="BANK_UNKNOWN_OPERATION",
        level="warning",
        line=record.number,
        position=33,
        value=record.at(33, 34),
        message=f"record {record.number}: this operation code is not in our table; the movement is kept",
        hint="tell whether such movements can come from a payer",
    )


def _same_account(record: Record, opening: Record) -> None:
    # The bank code is left out: banks that merged write both codes in one block.
    for first, last, name in ((12, 16, "branch"), (22, 32, "account number")):
        if record.at(first, last) != opening.at(first, last):
            message = f"the {name} differs from that of the opening balance, {opening.at(first, last).strip() or 'blank'}"
            _field("BANK_KEY_MISMATCH", record, first, last, message, "ask the bank for the file again: blocks are mixed")


def _money(record: Record, block: Money | None, warnings: list[BankFault]) -> Money:
    # `block` is None on the opening balance, which rules what follows; only balances may leave theirs blank.
    currency, decimals = record.at(17, 19).strip(), record.at(20, 20)
    currency = currency.upper() if currency.isascii() else currency
    if record.at(1, 2) != "04":
        if not currency or decimals == " ":
            warnings.append(_default_currency(record))
        default = block or Money("EUR", 2)
        currency, decimals = currency or default.currency, str(default.decimals) if decimals == " " else decimals
    hint = "ask the bank for the file again"
    if not re.fullmatch("[A-Z]{3}", currency):
        _field("BANK_CURRENCY", record, 17, 19, "not a currency of three letters", hint)
    if not re.fullmatch("[0-9]", decimals):
        _field("BANK_DECIMALS", record, 20, 20, "the number of decimals is not a digit", hint)
    if block is not None and currency != block.currency:
        _field("BANK_CURRENCY", record, 17, 19, f"the block is in {block.currency}", hint)
    return Money(currency, int(decimals))


def _default_currency(record: Record) -> BankFault:
    return BankFault(
        code="BANK_DEFAULT_CURRENCY",
        level="warning",
        line=record.number,
        position=17,
        value=record.at(17, 20),
        message=f"record {record.number}: currency or decimals are blank; those of the block are taken, EUR and 2 where it has none",
        hint="check that the account is in this currency",
    )


def _date(record: Record, first: int) -> date:
    text = record.at(first, first + 5)
    if _DIGITS.fullmatch(text):
        try:
            return date(2000 + int(text[4:]), int(text[2:4]), int(text[:2]))
        except ValueError:
            reason = "no such day"
    else:
        reason = "not six digits"
    _field("BANK_BAD_DATE", record, first, first + 5, f"{reason}; a date is day, month, year", "ask the bank for the file again")


def _amount(record: Record, money: Money) -> Cents:
    text = record.at(91, 104)
    hint = "ask the bank for the file again"
    if not _AMOUNT.fullmatch(text):
        _field("BANK_BAD_AMOUNT", record, 91, 104, "an amount is 13 digits, then a letter or brace for the last digit and the sign", hint)
    sign, last = (1, _CREDIT.index(text[13])) if text[13] in _CREDIT else (-1, _DEBIT.index(text[13]))
    decimals = int(record.at(20, 20)) if record.at(20, 20) != " " else money.decimals
    shift = minor_units(money.currency) - decimals
    digits = int(text[:13]) * 10 + last
    if shift >= 0:
        return Cents(sign * digits * 10**shift)
    if digits % 10**-shift:
        _field("BANK_DECIMALS", record, 91, 104, f"with {decimals} decimals this is no whole number of {money.currency} minor units", hint)
    return Cents(sign * (digits // 10**-shift))


# --- sums


def _balance(block: Block, total: int, closing: Record) -> None:
    missing = block.closing - block.opening - total
    if missing:
        message = f"opening {block.opening} + movements {total} = {block.opening + total}, but the closing balance is {block.closing}"
        hint = f"ask the bank for the file again: {missing} minor units are missing or too much"
        _field("BANK_UNBALANCED", closing, 91, 104, message, hint)
