# SPDX-License-Identifier: Apache-2.0
"""Sound files of every kind: bare runs of invoices, claim files, acknowledgements, returns."""

from typing import Any

from tests.generators import words
from tests.generators.draw import Draw
from tests.generators.invoices import LETTERS, invoice, letter
from tests.oracle.fse import Json, encode, whole
from tests.oracle.reader import CODES, TABLES

LETTER = {"secured": "S", "degraded": "D", "desynchronised": "Y"}
MONEY = ("total_fees", "total_amo", "total_amc", "total_insured_share")


def record(name: str, **values: Any) -> bytes:
    """Write one record from its table; zones that are not given are zero or blank."""
    line = ""
    for zone in TABLES[name].values():
        width, value = zone.end - zone.start, values.pop(zone.name, "")
        if zone.kind == "const":
            line += zone.value.ljust(width)
        elif zone.kind == "filler" or zone.kind == "alpha":
            line += str(value).ljust(width)
        else:
            line += str(value).rjust(width, "0")
    assert len(line) == 128 and not values, (name, values)
    return line.encode("ascii") + b"\n"


def date(d: Draw) -> str:
    return words.day(d)[2:].replace("-", "")


def zone(line: bytes, name: str, field: str) -> int:
    found = TABLES[name][field]
    return int(line[found.start : found.end])


def spelt(biller: str) -> str:
    return {"2A00": "2001", "2B00": "2002"}.get(biller[:4], biller[:4]) + biller[4:]


def envelope(d: Draw, biller: str, kind: str, body: list[bytes], lots: int, invoices: int, totals: tuple[int, ...]) -> bytes:
    sequence = d.number(1, 999_999)
    ends = {
        "sender_type": "PS", "sender_number": biller.rjust(14, "0"), "sender_program": d.pick(("DESMOS", "")), "recipient_type": "CT",
        "recipient_number": d.pick(("0", "99999999999999")), "recipient_program": letter(d),
    }  # fmt: skip
    opening = record(
        "000", **ends, exchange_kind=kind, file_id=sequence % 1000, creation_date=date(d), file_sequence=sequence,
    )  # fmt: skip
    sums = dict(zip(MONEY, totals, strict=False))
    return b"".join([opening, *body, record("999", **ends, record_count=len(body) + 2, lot_count=lots, invoice_count=invoices, **sums)])


def bare(d: Draw, count: int) -> bytes:
    runs, faults = encode([invoice(d, place, few=True) for place in range(count)], 1)
    assert not faults
    return b"".join(runs)


def claims(d: Draw, count: int) -> bytes:
    """Return a claim file of one biller; claims apart are in both flows."""
    biller = words.finess(d)
    given = [{**invoice(d, place, few=True), "biller": biller} for place in range(count)]
    lots: dict[tuple[Any, ...], list[bytes]] = {}
    for flow in (1, 2):
        runs, faults = encode(given, flow)
        assert not faults
        for item, run in zip(given, runs, strict=True):
            head = whole(item)
            amo, amc = head["amo"], head["amc"]
            if flow == 2 and not (amc and amc["separate_claim"] and zone(run[-129:], "5", "total_amc")):
                continue
            number = amc["number"].zfill(10) if flow == 2 else "0"
            lots.setdefault((flow, amo["regime"], amo["caisse"], amo["centre"], number, LETTER[head["security"]]), []).append(run)
    body, totals, first = [], [0, 0, 0], d.number(1, 900)
    for place, (key, runs) in enumerate(lots.items()):
        lines, sums = lot(d, spelt(biller), first + place, key, runs)
        body += lines
        totals = [total + one for total, one in zip(totals, sums, strict=False)]
    return envelope(d, spelt(biller), "TR", body, len(lots), sum(map(len, lots.values())), tuple(totals))


def lot(d: Draw, biller: str, number: int, key: tuple[Any, ...], runs: list[bytes]) -> tuple[list[bytes], list[int]]:
    flow, regime, caisse, centre, amc, security = key
    head = record(
        "1", biller=biller, lot_number=number, regime=regime, caisse=caisse, centre=centre, recipient_organism=caisse,
        computing_centre=d.digits(3), flow=flow, security_mode=security, lot_date=date(d), amc_number=amc,
    )  # fmt: skip
    sums = [sum(zone(run[-129:], "5", name) for run in runs) for name in MONEY]
    lines = [line for run in runs for line in run.splitlines(keepends=True)]
    told = dict(zip((*MONEY[:3], "total_patient_share"), sums, strict=True))
    tail = record("6", biller=biller, lot_number=number, invoice_count=len(runs), record_count=len(lines) + 2, **told)
    return [head, *lines, tail], sums


def acknowledgement(d: Draw, count: int) -> bytes:
    biller = spelt(words.finess(d))
    body = []
    for _ in range(count):
        accepted = d.below(2)
        body.append(record(
            "A1", biller=biller, lot_number=d.number(1, 999), lot_date=date(d), file_sequence=d.number(1, 999_999),
            verdict_sign="+" if accepted else "-", error_code="0000" if accepted else d.digits(4, 1),
            record_at_fault=0 if accepted else d.number(0, 99_999_999), label=d.pick(("", "LOT LU", "A" * 60)),
        ))  # fmt: skip
    return envelope(d, biller, "AR", body, count, 0, ())


def signed(name: str, amount: int) -> Json:
    return {f"{name}_sign": "-" if amount < 0 else "+", name: abs(amount)}


def returns(d: Draw, count: int) -> bytes:
    """Return payment orders; each has paid and unpaid invoices, anomalies and other money."""
    biller = spelt(words.finess(d))
    body: list[bytes] = []
    invoices = 0
    for _ in range(count):
        lines, total = [], 0
        for _ in range(d.below(4)):
            found, amount = paid(d, biller) if d.below(3) < 2 else other(d)
            invoices += found[0].startswith(b"R1")
            lines += found
            total += amount
        caisse = d.below(2)
        payer = {"regime": d.pick(sorted(CODES["regime"])), "caisse": d.digits(3), "centre": d.digits(4)} if caisse else {
            "regime": "00", "amc_number": d.digits(10, 1)}  # fmt: skip
        head = {**payer, "payment_reference": d.pick(("VIR 2026", "A" * 20)), "payment_date": date(d)}
        body += [record("P1", **head, record_count=len(lines), **signed("total", total)), *lines]
        body.append(record("P9", record_count=len(lines), **signed("total", total)))
    return envelope(d, biller, "RS", body, count, invoices, ())


def paid(d: Draw, biller: str) -> tuple[list[bytes], int]:
    outcome, number, claimed, person = d.pick("PQRW"), d.number(1, 999_999_999), d.number(2, 999_999_998), words.nir(d)
    amount = {"P": claimed + d.below(2), "Q": 1 + d.below(claimed - 1), "R": -d.below(2) * claimed, "W": 0}[outcome]
    line = record(
        "R1", biller=biller, lot_number=d.number(1, 999), invoice_number=number, nir=person[:13], nir_key=person[13:], care_date=date(d),
        part=d.pick("OC"), outcome=outcome, claimed=claimed, reject_code={"P": "", "R": "2900005"}.get(outcome, letter(d)),
        **signed("paid", amount),
    )  # fmt: skip
    anomalies = [
        record("R2", invoice_number=number, act_line=d.number(0, 999), code=d.digits(7), faulty_value=letter(d),
               replacement_value=letter(d), label=d.pick(("", d.pick(LETTERS) * 40)))
        for _ in range(d.below(3))
    ]  # fmt: skip
    return [line, *anomalies], amount


def other(d: Draw) -> tuple[list[bytes], int]:
    amount = d.number(0, 999_999_999) * d.pick((1, -1))
    line = record("R3", kind=d.pick("FIX"), related_invoice=d.number(0, 999_999_999), label=letter(d), **signed("amount", amount))
    return [line], amount


def any_file(d: Draw, most: int) -> bytes:
    """Return a sound file of some kind."""
    kind, count = d.below(6), 1 + d.below(most)
    return (bare, bare, claims, claims, acknowledgement, returns)[kind](d, count)
