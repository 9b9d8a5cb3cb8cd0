# SPDX-License-Identifier: Apache-2.0
"""The bytes of the payers' side: claim files read, AR and RS files written, every position taken from the layout tables."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from desmos_fast.base.errors import InvalidInput, OurBug
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.exchange.kernel import write
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import RECORD_WIDTH
from desmos_fast.simulator.model import ClaimFile, ClaimLot, Order, Sheet, Verdict

if TYPE_CHECKING:
    from ext.records import Value

LINE: Final = RECORD_WIDTH + 1
AMO_FLOW: Final = 1
PART_LETTER: Final = {"amo": "O", "amc": "C"}


class UnreadableClaims(InvalidInput):
    """A file that is no claim file, or whose records are cut or out of order."""

    code = "claims_unreadable"


class AnswerOverflow(OurBug):
    """An answer that its own layout cannot hold."""

    code = "answer_overflow"


def block(record_type: str, rows: Sequence[Mapping[str, "Value"]]) -> bytes:
    """Write rows of one type, line ends included; AnswerOverflow when a value does not fit."""
    try:
        return write(record_type, rows)
    except FaultyInput as refused:
        raise AnswerOverflow(f"record {record_type} of the answer cannot be written: {refused.detail}") from refused


def records(data: bytes) -> list[str]:
    """Cut a file into its records of 128 characters, whatever the line ends; UnreadableClaims when one is short."""
    if b"\n" in data:
        pieces = [piece.removesuffix(b"\r") for piece in data.removesuffix(b"\n").split(b"\n")]
    else:
        pieces = [data[at : at + RECORD_WIDTH] for at in range(0, len(data), RECORD_WIDTH)]
    for number, piece in enumerate(pieces, 1):
        if len(piece) != RECORD_WIDTH or not piece.isascii():
            raise UnreadableClaims(f"record {number} is not made of 128 characters", hint="send the file again")
    return [piece.decode("ascii") for piece in pieces]


Getter = Callable[[str], str]


@functools.cache
def zones(record_type: str) -> dict[str, slice]:
    """Return where the fields of a record type stand."""
    return {field.name: slice(field.offset, field.offset + field.length) for field in load_pack().tables[record_type].fields}


def iso(day: str) -> str:
    """Turn AAMMJJ into an ISO date: 70 to 99 are of the last century."""
    return f"{'19' if day >= '70' else '20'}{day[:2]}-{day[2:4]}-{day[4:]}"


def is_first(record: str) -> bool:
    """Say whether a record opens an invoice: a 2 with a digit where its complements have a letter."""
    return record[0] == "2" and record[zones("2")["operation_nature"]].isdigit()


def is_act(record: str) -> bool:
    """Say whether a record is an act: a 4 with a digit where its complements have a letter."""
    return record[0] == "4" and record[zones("4S")["complement"]].isdigit()


def number(text: str, at: int) -> int:
    """Read digits; UnreadableClaims otherwise."""
    if not (text.isascii() and text.isdigit()):
        raise UnreadableClaims(f"record {at}: digits are expected", hint="send the file again")
    return int(text)


def read_sheet(first: str, act: str, last: str, at: int) -> Sheet:
    """Read what a payer needs of an invoice from its first record, its first act and its totals."""
    two, four, five = zones("2"), zones("4"), zones("5")
    return Sheet(
        record=at,
        number=number(first[two["invoice_number"]], at),
        nir=first[two["nir"]] + first[two["nir_key"]],
        care_date=iso(act[four["care_date"]]),
        amo=number(last[five["total_amo"]], at),
        amc=number(last[five["total_amc"]], at),
        amc_number=first[two["amc_number"]].strip(),
        contract_type=first[two["contract_type"]],
    )


def read_sheets(lines: list[str], start: int, stop: int) -> Iterator[Sheet]:
    """Read the invoices between two positions of a file."""
    first = act = None
    for at in range(start, stop):
        record = lines[at]
        if is_first(record):
            if first is not None:
                break
            first, act = at, None
        elif is_act(record) and act is None:
            act = at
        elif record[0] == "5":
            if first is None or act is None:
                break
            yield read_sheet(lines[first], lines[act], record, first + 1)
            first = act = None
        elif first is None:
            break
    else:
        if first is None:
            return
    raise UnreadableClaims(f"record {at + 1} does not belong where it stands", hint="send the file again")


def read_lots(lines: list[str]) -> Iterator[ClaimLot]:
    """Read the lots between the first and the last record of a file."""
    one = zones("1")
    at = 1
    while at < len(lines) - 1:
        head = lines[at]
        end = next((place for place in range(at + 1, len(lines) - 1) if lines[place][0] == "6"), None)
        if head[0] != "1" or end is None:
            raise UnreadableClaims(f"record {at + 1}: a whole lot is expected", hint="send the file again")
        yield ClaimLot(
            biller=head[one["biller"]], number=number(head[one["lot_number"]], at + 1), date=iso(head[one["lot_date"]]),
            regime=head[one["regime"]], caisse=head[one["caisse"]], centre=head[one["centre"]],
            flow=number(head[one["flow"]], at + 1), sheets=tuple(read_sheets(lines, at + 1, end)),
        )
        at = end + 1


def read_claims(data: bytes) -> ClaimFile:
    """Read a claim file; UnreadableClaims when it is not one or is cut."""
    lines = records(data)
    zone = zones("000")
    if len(lines) < 2 or lines[0][:3] != "000" or lines[-1][:3] != "999" or lines[0][zone["exchange_kind"]] != "TR":
        raise UnreadableClaims("the file is not a whole claim file (000 to 999, kind TR)", hint="send the whole file")
    head = {name: lines[0][place].strip() for name, place in zone.items()}
    return ClaimFile(
        sender_type=head["sender_type"], sender_number=head["sender_number"], sender_program=head["sender_program"],
        recipient_type=head["recipient_type"], recipient_number=head["recipient_number"], recipient_program=head["recipient_program"],
        date=iso(head["creation_date"]), sequence=number(head["file_sequence"], 1), lots=tuple(read_lots(lines)),
    )


def envelope(claims: ClaimFile, kind: str, date: str, sequence: int) -> dict[str, "Value"]:
    """Return the values of `000` and `999` of an answer: the claim's parties the other way round, every total at zero."""
    return {
        "file.sender_type": claims.recipient_type, "file.sender_number": claims.recipient_number,
        "file.sender_program": claims.recipient_program, "file.recipient_type": claims.sender_type,
        "file.recipient_number": claims.sender_number, "file.recipient_program": claims.sender_program,
        "file.exchange_kind": kind, "=file_id": sequence % 1000, "file.date": date, "file.sequence": sequence,
        "=total_fees": 0, "=total_amo": 0, "=total_amc": 0,
    }


def write_arl(claims: ClaimFile, verdicts: Sequence[Verdict], date: str, sequence: int) -> bytes:
    """Write an AR file: one A1 for each lot."""
    head = envelope(claims, "AR", date, sequence)
    body = block("A1", [
        {
            "=biller": verdict.lot.biller, "lot": verdict.lot.number, "lot_date": verdict.lot.date, "file_sequence": claims.sequence,
            "accepted": verdict.accepted, "code": verdict.code, "record": verdict.record, "label": verdict.label,
        }
        for verdict in verdicts
    ])
    end = head | {"=record_count": len(verdicts) + 2, "=lot_count": len(verdicts), "=invoice_count": 0}
    return block("000", [head]) + body + block("999", [end])


def order_rows(order: Order) -> Iterator[tuple[str, dict[str, "Value"]]]:
    """Give the records between P1 and P9 of an order, with their type."""
    for line in order.lines:
        yield "R1", {
            "=biller": line.biller, "lot": line.lot, "number": line.number, "nir": line.nir, "care_date": line.care_date,
            "part": PART_LETTER[line.part], "outcome": line.letter, "claimed": line.claimed, "paid": line.paid, "code": line.code,
        }
        for anomaly in line.anomalies:
            yield "R2", {
                "number": line.number, "line": anomaly.line, "code": anomaly.code, "faulty": anomaly.faulty, "replacement": "",
                "label": anomaly.label,
            }
    for money in order.other:
        yield "R3", {"kind": money.kind, "amount": money.amount, "related_number": money.related_number, "label": money.label}


def write_returns(claims: ClaimFile, orders: Sequence[Order], date: str, sequence: int) -> bytes:
    """Write an RS file of one order or more; one kernel call for each record type, then the lines in their order."""
    rows: list[tuple[str, dict[str, Value]]] = []
    for order in orders:
        inside = list(order_rows(order))
        frame: dict[str, Value] = {
            "payer.regime": order.payer.regime, "payer.caisse": order.payer.caisse, "payer.centre": order.payer.centre,
            "payer.amc": order.payer.amc, "reference": order.reference, "date": order.date, "total": order.total, "records": len(inside),
        }
        rows += [("P1", frame), *inside, ("P9", frame)]
    by_type: dict[str, list[dict[str, Value]]] = {}
    for kind, row in rows:
        by_type.setdefault(kind, []).append(row)
    lines = {kind: iter_lines(block(kind, some)) for kind, some in by_type.items()}
    head = envelope(claims, "RS", date, sequence)
    end = head | {"=record_count": len(rows) + 2, "=lot_count": len(orders), "=invoice_count": len(by_type.get("R1", ()))}
    return b"".join([block("000", [head]), *(next(lines[kind]) for kind, _ in rows), block("999", [end])])


def iter_lines(run: bytes) -> Iterator[bytes]:
    """Give the lines of a block one by one, line ends included."""
    return (run[at : at + LINE] for at in range(0, len(run), LINE))
