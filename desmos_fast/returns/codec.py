# SPDX-License-Identifier: Apache-2.0
"""Return files of the test profile: bytes in, acknowledgements or payment orders out, and the orders that matching takes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.exchange.codec import examine
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.returns.model import Anomaly, Arl, ArlFile, OtherMoney, Payer, PaymentOrder, ReturnLine, RspFile

if TYPE_CHECKING:
    from desmos_fast.exchange.reading.reading import Reading

Row: TypeAlias = tuple[Any, ...]
PARTS: Final[Mapping[str, str]] = {"O": "amo", "C": "amc"}
STATUS: Final[Mapping[str, str]] = {"P": "paid", "Q": "partial", "R": "rejected"}
WAITING: Final = "W"
RECOVERY: Final = "recovery"
CLAWBACK: Final = "I"
OPERATOR: Final = "operator"


def parse(data: bytes) -> ArlFile | RspFile:
    """Read a return file; FaultyInput with every fault, B2_WRONG_KIND when it is a sound file of claims."""
    reading, faults = examine(data)
    if faults:
        raise FaultyInput(faults)
    if reading.kind not in ("AR", "RS"):
        held = "holds claims" if reading.records else "is empty"
        raise FaultyInput([Fault(code="B2_WRONG_KIND", message=f"this file {held}: an acknowledgement or a return is expected")])
    head = _head(reading)
    if reading.kind == "AR":
        return ArlFile(**head, acknowledgements=tuple(_arl(row) for row in reading.rows("A1")))
    orders = [_order(reading, row, end[0]) for row, end in zip(reading.rows("P1"), reading.rows("P9"), strict=True)]
    return RspFile(**head, orders=tuple(order for order, _ in orders), places=tuple(places for _, places in orders))


def objects(found: ArlFile | RspFile) -> Sequence[Arl] | Sequence[PaymentOrder]:
    """Return what is written of a file, one object a line."""
    return found.acknowledgements if isinstance(found, ArlFile) else found.orders


def _head(reading: "Reading") -> dict[str, Any]:
    _, *values = reading.rows("000")[0]
    names = ("sender_type", "sender_number", "sender_program", "recipient_type", "recipient_number", "recipient_program")
    return {**dict(zip(names, values[:6], strict=True)), "date": values[8], "sequence": values[9], "records": reading.records}


def _arl(row: Row) -> Arl:
    _, biller, lot, lot_date, sequence, accepted, code, record, label = row
    return Arl(
        biller=biller, lot=lot, lot_date=lot_date, file_sequence=sequence, accepted=accepted, code=code, record=record, label=label
    )


def _payer(regime: str, caisse: str, centre: str, amc: str | None) -> Payer:
    if amc is not None:
        return Payer(regime=None, caisse=None, centre=None, amc=amc)
    return Payer(regime=regime, caisse=caisse, centre=centre, amc=None)


def _order(reading: "Reading", head: Row, end: int) -> tuple[PaymentOrder, tuple[int, ...]]:
    first, regime, caisse, centre, amc, reference, date, total, records = head
    lines, other = reading.rows("R1", first, end), reading.rows("R3", first, end)
    anomalies = _anomalies([row[0] for row in lines], reading.rows("R2", first, end))
    order = PaymentOrder(
        payer=_payer(regime, caisse, centre, amc), reference=reference, date=date, total=Cents(total), records=records,
        invoices=tuple(_line(row, anomalies.get(row[0], ())) for row in lines), other=tuple(_money(row) for row in other),
    )  # fmt: skip
    places = sorted([(row[0], place) for place, row in enumerate(lines)] + [(row[0], -1 - place) for place, row in enumerate(other)])
    return order, tuple(place for _, place in places)


def _line(row: Row, anomalies: Sequence[Anomaly]) -> ReturnLine:
    _, biller, lot, number, nir, nir_key, care_date, part, outcome, claimed, paid, code = row
    return ReturnLine(
        biller=biller, lot=lot, number=number, nir=nir + nir_key, care_date=care_date, part=part, outcome=outcome, claimed=claimed,
        paid=paid, code=code, anomalies=tuple(anomalies),
    )  # fmt: skip


def _anomalies(lines: Sequence[int], rows: Iterable[Row]) -> dict[int, list[Anomaly]]:
    """Group anomalies under the line before them: both come in the order of the file."""
    found: dict[int, list[Anomaly]] = {}
    place = 0
    for record, _, line, code, faulty, replacement, label in rows:
        while place + 1 < len(lines) and lines[place + 1] < record:
            place += 1
        anomaly = Anomaly(line=line, code=code, faulty=faulty, replacement=replacement, label=label)
        found.setdefault(lines[place], []).append(anomaly)
    return found


def _money(row: Row) -> OtherMoney:
    _, kind, amount, related, label = row
    return OtherMoney(kind=kind, amount=amount, related_number=related or None, label=label)


def read_payers(data: bytes) -> list[dict[str, Any]]:
    """Read payers, one JSON object a line; FaultyInput with the line of one that is no payer."""
    payers: list[dict[str, Any]] = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                payers.append(msgspec.to_builtins(msgspec.json.decode(line, type=_PayerLine)))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise FaultyInput([Fault(code="B2_BAD_JSON", message=f"this is no payer: {error}", line=number)]) from error
    return payers


class _PayerLine(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    kind: str
    names: list[str] = []
    pays_for: list[str] = []


def orders(rsp: RspFile, sha256: str, payers: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Turn the orders of an RS file into those that matching takes; `sha256` is the hash of the file in hex.

    `payers` are objects with `id`, `kind`, `names` and `pays_for`: an operator that pays for others is named as the emitter. The number of
    a line is its place among all lines of the order in the file; an invoice that waits has a place there and gives no line.
    """
    emitters: dict[str, Mapping[str, Any]] = {}
    for payer in payers:
        for paid_for in payer.get("pays_for", ()) if payer.get("kind") == OPERATOR else ():
            emitters.setdefault(paid_for, payer)
    return [
        _canonical(rsp, order, places, f"{sha256[:16]}:{ordinal}", emitters, {"file_sha256": sha256, "line": ordinal})
        for ordinal, (order, places) in enumerate(zip(rsp.orders, rsp.places, strict=True), 1)
    ]


def _canonical(
    rsp: RspFile,
    order: PaymentOrder,
    places: Sequence[int],
    name: str,
    emitters: Mapping[str, Mapping[str, Any]],
    source: Mapping[str, Any],
) -> dict[str, Any]:
    payer = order.payer.id
    emitter = emitters.get(payer)
    names = emitter.get("names") if emitter is not None else None
    return {
        "id": name,
        "kind": RECOVERY if order.total < 0 else "payment",
        "payer": payer,
        "emitter": emitter["id"] if emitter is not None else payer,
        "emitter_name": names[0] if names else None,
        "biller": _biller(rsp, order),
        "payment_date": order.date,
        "payment_ref": order.reference,
        "total": order.total,
        "lines": list(_lines(order, places, payer)),
        "source": dict(source),
    }


def _biller(rsp: RspFile, order: PaymentOrder) -> str:
    """Return the biller that all lines share, else the recipient of the file."""
    found = {line.biller for line in order.invoices}
    if len(found) == 1:
        return found.pop()
    digits = rsp.recipient_number[-9:]
    if digits.startswith(("2001", "2002")):
        return f"2{'A' if digits[3] == '1' else 'B'}00{digits[4:]}"
    return digits


def _lines(order: PaymentOrder, places: Sequence[int], payer: str) -> Iterator[dict[str, Any]]:
    for number, place in enumerate(places, 1):
        if place < 0:
            yield _money_line(number, order.other[-1 - place], payer)
        elif order.invoices[place].outcome != WAITING:
            yield _invoice_line(number, order.invoices[place], payer)


def _invoice_line(number: int, line: ReturnLine, payer: str) -> dict[str, Any]:
    return {
        "line": number,
        "biller": line.biller,
        "part": PARTS[line.part],
        "payer": payer,
        "status": RECOVERY if line.paid < 0 else STATUS[line.outcome],
        "amount": line.paid,
        "invoice_number": line.number,
        "lot": f"{line.lot:03d}" if line.lot else None,
        "nir": line.nir,
        "care_date": line.care_date,
        "reject_code": line.code or None,
    }


def _money_line(number: int, money: OtherMoney, payer: str) -> dict[str, Any]:
    return {
        "line": number,
        "biller": None,
        "part": None,
        "payer": payer,
        "status": RECOVERY if money.kind == CLAWBACK else "paid",
        "amount": money.amount,
        "invoice_number": money.related_number,
        "lot": None,
        "nir": None,
        "care_date": None,
        "reject_code": None,
    }
