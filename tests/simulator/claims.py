# SPDX-License-Identifier: Apache-2.0
"""A claim file with just what payers read, written from the layout tables and nothing else of the product."""

from collections.abc import Iterable

from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.layouts import load_pack


def record(record_type: str, **values: str | int) -> str:
    """One record: constants from the table, values given, zeros or spaces elsewhere."""
    text = ""
    for field in load_pack().tables[record_type].fields:
        value = values.pop(field.name, field.value if field.kind == "const" else "")
        number = field.kind in ("num", "amount", "date6")
        text += str(value).rjust(field.length, "0") if number else str(value).ljust(field.length)
    assert not values, values
    assert len(text) == 128
    return text


def short_day(iso: str) -> str:
    return iso[2:4] + iso[5:7] + iso[8:]


def sheet(invoice: Invoice, flow: int) -> list[str]:
    apart = invoice.amc is not None and invoice.amc.separate_claim
    amc = 0 if apart and flow == 1 else sum(act.amc for act in invoice.acts)
    amo, fees = sum(act.amo for act in invoice.acts), sum(act.fees for act in invoice.acts)
    same: dict[str, str | int] = {"biller": invoice.biller, "nir": invoice.insured_nir[:13], "nir_key": invoice.insured_nir[13:]}
    same["invoice_number"] = invoice.number
    cover = {"contract_type": invoice.amc.contract_type, "amc_number": invoice.amc.number.rjust(10, "0")} if invoice.amc else {}
    return [
        record("2", **same, **cover, split_flag="F" if apart else ""),
        record("2S", **same),
        *(line for act in invoice.acts for line in (record("4", **same, care_date=short_day(act.date)), record("4S", **same))),
        record("5", **same, total_fees=fees, total_amo=amo, total_amc=amc, line_count=2 * len(invoice.acts)),
    ]


def groups(invoices: Iterable[Invoice]) -> list[tuple[tuple[str, str, str, int, str, str], list[Invoice]]]:
    found: dict[tuple[str, str, str, int, str, str], list[Invoice]] = {}
    for one in invoices:
        where = (one.amo.regime, one.amo.caisse, one.amo.centre)
        found.setdefault((*where, 1, "", one.security), []).append(one)
        if one.amc and one.amc.separate_claim and sum(act.amc for act in one.acts):
            found.setdefault((*where, 2, one.amc.number, one.security), []).append(one)
    return sorted(found.items())


def claim_file(invoices: list[Invoice], *, sequence: int = 1, date: str = "2026-11-21") -> bytes:
    parties = {"sender_type": "PS", "sender_number": invoices[0].biller, "sender_program": "DESMOS", "recipient_type": "CT"}
    lines = [record("000", **parties, exchange_kind="TR", creation_date=short_day(date), file_sequence=sequence)]
    lots = groups(invoices)
    for lot, ((regime, caisse, centre, flow, amc, _), some) in enumerate(lots, 1):
        head: dict[str, str | int] = {"regime": regime, "caisse": caisse, "centre": centre, "flow": flow}
        head |= {"amc_number": amc, "security_mode": "S"}
        lines.append(record("1", biller=some[0].biller, lot_number=lot, lot_date=short_day(date), **head))
        lines += [line for one in some for line in sheet(one, flow)]
        lines.append(record("6", biller=some[0].biller, lot_number=lot, invoice_count=len(some)))
    lines.append(record("999", **parties, record_count=len(lines) + 1, lot_count=len(lots)))
    return "".join(line + "\n" for line in lines).encode("ascii")
