# SPDX-License-Identifier: Apache-2.0
"""One entry of a camt statement: its amount, dates and status, and the line or lines that it becomes."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import Cents
from desmos_fast.settlement.bank.camt_nodes import Node
from desmos_fast.settlement.bank.input import Found, refuse
from desmos_fast.settlement.bank.model import BankFault, BankLine, Entry, Source
from desmos_fast.settlement.bank.texts import NO_END_TO_END, digit_runs, minor_amount

# Balances are below 2^63 minor units, with room for sums.
LARGEST: Final = 10**17
_AGAIN: Final = "ask the bank for the file again"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Balance = tuple[str, date, Cents]


class Account:
    """The statement at hand: its account, the line where it begins, its first and its last balance."""

    def __init__(self, line: int = 1) -> None:
        self.name = ""
        self.line = line
        self.opening: Balance | None = None
        self.closing: Balance | None = None


class Detail(NamedTuple):
    """What one transaction says: texts in the order of the file, those that are remittance among them, and its amount where it is told."""

    texts: tuple[str, ...]
    remittance: tuple[str, ...]
    end_to_end_id: str | None
    payer_name: str | None
    payer_id: str | None
    label: str | None
    keys: tuple[str, ...]
    amount: tuple[str, int] | None


def child(node: Node | None, name: str) -> Node | None:
    """Return the first child of that name."""
    if node is not None:
        for each in node.kids:
            if each.name == name:
                return each
    return None


def text_at(node: Node | None, *names: str) -> str | None:
    """Return the text of a descendant, each the first child of its name."""
    for name in names:
        node = child(node, name)
    return None if node is None else node.text


def amount_of(element: Node, what: str) -> tuple[str, int]:
    """Return currency and minor units of the amount in an element. Raises BankRefused."""
    found = child(element, "Amt")
    currency, text = (found.currency if found is not None else ""), text_at(found) or ""
    line = element.line
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        refuse("BANK_CURRENCY", f"{what}: not a currency of three letters", _AGAIN, line, None, currency[:8])
    try:
        units = minor_amount(text.removeprefix("+"), currency)
    except ValueError:
        units = LARGEST
    if units is None:
        refuse("BANK_DECIMALS", f"{what}: this is no whole number of {currency} minor units", _AGAIN, line, None, text[:40])
    if units >= LARGEST:
        refuse("BANK_BAD_AMOUNT", f"{what}: an amount is a decimal number without a sign", _AGAIN, line, None, text[:40])
    return currency, units


def date_of(element: Node | None, near: Node, what: str) -> date:
    """Return the day that a date choice holds (Dt or DtTm). Raises BankRefused."""
    text = text_at(element, "Dt") or text_at(element, "DtTm") or ""
    try:
        # The library takes other ways of writing a day too, by weeks for one.
        return date.fromisoformat(text[:10] if _DAY.match(text) else "")
    except ValueError:
        refuse("BANK_BAD_DATE", f"{what}: not a date, year-month-day", _AGAIN, near.line, None, text[:40])


def entry_lines(element: Node, account: Account, found: Found) -> list[BankLine]:
    """Return the lines of one entry: one for each transaction when their amounts give the entry's, else one. Raises BankRefused."""
    what = f"entry {text_at(element, 'NtryRef') or text_at(element, 'AcctSvcrRef') or found.lines + 1}"
    what = mask_nir(what)
    currency, amount = amount_of(element, what)
    sign = _sign(element)
    if sign is None:
        refuse("BANK_XML", f"{what}: CdtDbtInd must say CRDT or DBIT", _AGAIN, element.line)
    parents = [parent for parent in element.kids if parent.name == "NtryDtls"]
    batch = [text for parent in parents for text in _batch_keys(parent)]
    inside = [each for parent in parents for each in parent.kids if each.name == "TxDtls"]
    details = [_detail(each, sign) for each in inside]
    signed = Cents(sign * amount)
    shared = _Shared(element, account, found, what, currency, tuple(text for name, text in batch if name == "PmtInfId"))
    some = _split(details, currency, signed)
    if some is None:
        if any(detail.amount is not None for detail in details) and _is_odd(details, currency, signed):
            found.warn(_batch_sum(element, what))
        some = [(_merged(details), signed)]
    read = [shared.line(detail, cents, found.lines + place) for place, (detail, cents) in enumerate(some, 1)]
    keys = [*shared.keys, *(f"PmtInfId:{text}" for text in shared.batch), *(key for detail in details for key in detail.keys)]
    found.add_entry(
        Entry(
            kind=found.format, first=found.lines + 1, lines=len(read), account=account.name, booking_date=read[0].booking_date,
            amount=signed, currency=currency, keys=tuple(dict.fromkeys(keys)),
        )  # fmt: skip
    )
    return read


def _sign(element: Node) -> int | None:
    # A reversal of a debit may say either: this indicator alone tells which way the money went.
    return {"CRDT": 1, "DBIT": -1}.get(text_at(element, "CdtDbtInd") or "")


def _batch_keys(parent: Node) -> Iterator[tuple[str, str]]:
    for name in ("MsgId", "PmtInfId"):
        text = text_at(parent, "Btch", name)
        if text:
            yield name, text


def _split(details: Sequence[Detail], currency: str, signed: int) -> list[tuple[Detail, Cents]] | None:
    """Return the details with their amounts when each can be a line of its own."""
    if len(details) == 1 and details[0].amount is None:
        return [(details[0], Cents(signed))]
    if not details or _is_odd(details, currency, signed):
        return None
    return [(detail, Cents(detail.amount[1])) for detail in details if detail.amount is not None]


def _is_odd(details: Sequence[Detail], currency: str, signed: int) -> bool:
    amounts = [detail.amount for detail in details]
    return any(amount is None or amount[0] != currency for amount in amounts) or sum(amount[1] for amount in amounts if amount) != signed


def _merged(details: Sequence[Detail]) -> Detail:
    """Return what several transactions say together; what they do not agree on is nobody's."""

    def common(values: set[str | None]) -> str | None:
        return values.pop() if len(values) == 1 else None

    return Detail(
        texts=tuple(text for detail in details for text in detail.texts),
        remittance=tuple(text for detail in details for text in detail.remittance),
        end_to_end_id=common({detail.end_to_end_id for detail in details}),
        payer_name=common({detail.payer_name for detail in details}),
        payer_id=common({detail.payer_id for detail in details}),
        label=common({detail.label for detail in details}),
        keys=(),
        amount=None,
    )


def _batch_sum(element: Node, what: str) -> BankFault:
    return BankFault(
        code="BANK_BATCH_SUM",
        level="warning",
        line=element.line,
        message=f"{what}: its transactions do not add up to its amount; it is kept as one line, with what they say",
        hint="ask the bank for the details of this entry",
    )


# --- transactions


def _detail(element: Node, sign: int) -> Detail:
    texts: list[str] = []
    remittance: list[str] = []
    refs, parties, given = child(element, "Refs"), child(element, "RltdPties"), child(element, "RmtInf")
    end_to_end = text_at(refs, "EndToEndId")
    for each in refs.kids if refs is not None else ():
        if each.name in ("PmtInfId", "InstrId", "EndToEndId"):
            texts.append(each.text or "")
    for each in given.kids if given is not None else ():
        some = [each.text] if each.name == "Ustrd" else [text_at(each, "CdtrRefInf", "Ref")]
        some += [more.text for more in each.kids if more.name == "AddtlRmtInf"]
        remittance += [text for text in some if text]
    own = {name: text_at(refs, name) for name in ("AcctSvcrRef", "PmtInfId")}
    debtor = child(parties, "Dbtr")
    person = debtor if child(debtor, "Pty") is None else child(debtor, "Pty")
    return Detail(
        texts=(*texts, *remittance),
        remittance=tuple(remittance),
        end_to_end_id=None if end_to_end in NO_END_TO_END else end_to_end,
        payer_name=text_at(person, "Nm"),
        payer_id=_party_id(child(person, "Id")),
        label=text_at(element, "AddtlTxInf"),
        keys=tuple(f"{name}:{text}" for name, text in own.items() if text),
        amount=_detail_amount(element, sign),
    )


def _party_id(element: Node | None) -> str | None:
    organisation, person = child(element, "OrgId"), child(element, "PrvtId")
    return (
        text_at(organisation, "Othr", "Id") or text_at(organisation, "AnyBIC") or text_at(organisation, "BICOrBEI")
        or text_at(person, "Othr", "Id")
    )  # fmt: skip


def _detail_amount(element: Node, sign: int) -> tuple[str, int] | None:
    """Return currency and signed minor units; an amount that is none is in no currency, and so not that of the entry."""
    told = child(child(element, "AmtDtls"), "TxAmt")
    amount = child(element, "Amt") if child(element, "Amt") is not None else child(told, "Amt")
    if amount is None:
        return None
    currency = amount.currency
    try:
        units = minor_amount((amount.text or "").removeprefix("+"), currency)
    except ValueError:
        units = None
    return ("", 0) if units is None else (currency, (_sign(element) or sign) * units)


class _Shared:
    """What all lines of an entry have in common."""

    def __init__(
        self, element: Node, account: Account, found: Found, what: str, currency: str, batch: tuple[str, ...]
    ) -> None:
        self.batch, self._currency, self._account, self._found = batch, currency, account, found
        booked, valued = child(element, "BookgDt"), child(element, "ValDt")
        self._value_date = None if valued is None else date_of(valued, element, what)
        self._booking_date = date_of(booked, element, what) if booked is not None or valued is None else self._value_date
        self._status: Literal["booked", "pending"] = (
            "booked" if (text_at(element, "Sts", "Cd") or text_at(element, "Sts") or "BOOK") == "BOOK" else "pending"
        )
        self._operation = _operation(child(element, "BkTxCd"))
        self._label = text_at(element, "AddtlNtryInf")
        self.keys = tuple(f"{name}:{text}" for name in ("AcctSvcrRef", "NtryRef") if (text := text_at(element, name)))

    def line(self, detail: Detail, amount: Cents, ordinal: int) -> BankLine:
        """Return a line of the entry."""
        assert self._booking_date is not None
        sha256 = self._found.sha256
        label = self._label or detail.label or ""
        said = (*self.batch, *detail.texts, *((detail.label or "",) if self._label else ()), label)
        return BankLine(
            id=f"{sha256[:16]}:{ordinal}", account=self._account.name, booking_date=self._booking_date, value_date=self._value_date,
            amount=amount, currency=self._currency, operation_code=self._operation, label=label, remittance=detail.remittance,
            end_to_end_id=detail.end_to_end_id, payer_name=detail.payer_name, payer_id=detail.payer_id,
            references=tuple(digit_runs(said)), qualifiers=(), status=self._status,
            source=Source(file_sha256=sha256, line=ordinal, format=self._found.format),
        )  # fmt: skip


def _operation(code: Node | None) -> str | None:
    domain = child(code, "Domn")
    parts = [text_at(domain, "Cd"), text_at(domain, "Fmly", "Cd"), text_at(domain, "Fmly", "SubFmlyCd")]
    return "/".join(part or "" for part in parts) if any(parts) else text_at(code, "Prtry", "Cd")
