# SPDX-License-Identifier: Apache-2.0
"""camt.053 and camt.054 as banks write them, version by version; entries and details from a few facts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from xml.sax.saxutils import escape

IBAN = "FR7630006000011234567890189"
VERSIONS = ("02", "03", "04", "06", "08", "10", "12")


def tag(name: str, *inside: str, **attributes: str) -> str:
    """Return an element around texts that are XML already."""
    said = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{said}>{''.join(inside)}</{name}>"


def maybe(name: str, text: str | None) -> str:
    """Return an element with a text, nothing for none."""
    return "" if text is None else tag(name, escape(text))


@dataclass
class Detail:
    """One transaction; `amount` is a decimal text, None for none told."""

    amount: str | None = None
    currency: str = "EUR"
    end_to_end: str | None = "NOTPROVIDED"
    instruction: str | None = None
    payment: str | None = None
    servicer: str | None = None
    debtor: str | None = "CPAM DE ALBEVILLE"
    debtor_id: str | None = None
    texts: Sequence[str] = ()
    structured: str | None = None
    direction: str | None = None

    def xml(self, version: int) -> str:
        """Write it as that version does: amounts and names have moved."""
        refs = (
            maybe("AcctSvcrRef", self.servicer) + maybe("PmtInfId", self.payment) + maybe("InstrId", self.instruction)
            + maybe("EndToEndId", self.end_to_end)
        )  # fmt: skip
        amount = ""
        if self.amount is not None:
            told = tag("Amt", self.amount, Ccy=self.currency)
            amount = told + maybe("CdtDbtInd", self.direction) if version >= 4 else tag("AmtDtls", tag("TxAmt", told))
        identity = "" if self.debtor_id is None else tag("Id", tag("OrgId", tag("Othr", tag("Id", self.debtor_id))))
        person = maybe("Nm", self.debtor) + identity
        parties = tag("RltdPties", tag("Dbtr", tag("Pty", person) if version >= 8 else person)) if person else ""
        given = "".join(tag("Ustrd", escape(text)) for text in self.texts)
        if self.structured is not None:
            given += tag("Strd", tag("CdtrRefInf", tag("Ref", self.structured)), tag("AddtlRmtInf", f"SUITE {self.structured}"))
        return tag("TxDtls", tag("Refs", refs), amount, parties, tag("RmtInf", given) if given else "")


@dataclass
class Entry:
    """One entry; what is None is not written."""

    amount: str = "1669.56"
    currency: str = "EUR"
    direction: str | None = "CRDT"
    status: str | None = "BOOK"
    reversal: bool | None = None
    booked: str | None = "2026-10-02"
    valued: str | None = "2026-10-02"
    reference: str | None = None
    servicer: str | None = None
    batch: str | None = None
    label: str | None = "VIR SEPA CPAM DE ALBEVILLE"
    code: tuple[str, str, str] | None = ("PMNT", "RCDT", "ESCT")
    details: Sequence[Detail] = ()

    def xml(self, version: int) -> str:
        """Write it as that version does."""
        status = "" if self.status is None else tag("Sts", tag("Cd", self.status) if version >= 8 else self.status)
        code = ""
        if self.code is not None:
            domain, family, sub = self.code
            code = tag("BkTxCd", tag("Domn", tag("Cd", domain), tag("Fmly", tag("Cd", family), tag("SubFmlyCd", sub))))
        batch = "" if self.batch is None else tag("Btch", tag("MsgId", "M1"), tag("PmtInfId", self.batch))
        inside = batch + "".join(detail.xml(version) for detail in self.details)
        return tag(
            "Ntry", maybe("NtryRef", self.reference), tag("Amt", self.amount, Ccy=self.currency), maybe("CdtDbtInd", self.direction),
            "" if self.reversal is None else tag("RvslInd", str(self.reversal).lower()), status,
            "" if self.booked is None else tag("BookgDt", day(self.booked)), "" if self.valued is None else tag("ValDt", day(self.valued)),
            maybe("AcctSvcrRef", self.servicer), code, tag("NtryDtls", inside) if inside else "", maybe("AddtlNtryInf", self.label),
        )  # fmt: skip


def day(text: str) -> str:
    """Return a date, or a date with its time."""
    return tag("DtTm" if "T" in text else "Dt", text)


def balance(kind: str, amount: str, on: str) -> str:
    """Return a balance, a debit when the amount has a sign."""
    value = Decimal(amount)
    return tag(
        "Bal", tag("Tp", tag("CdOrPrtry", tag("Cd", kind))), tag("Amt", str(abs(value)), Ccy="EUR"),
        tag("CdtDbtInd", "DBIT" if value < 0 else "CRDT"), tag("Dt", tag("Dt", on)),
    )  # fmt: skip


@dataclass
class Message:
    """A file: one account unless `more` holds the text of others."""

    entries: Sequence[Entry] = field(default_factory=lambda: [Entry()])
    version: str = "02"
    notification: bool = False
    namespace: bool = True
    prefix: str = ""
    account: str = IBAN
    balances: Sequence[tuple[str, str, str]] = ()
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>\n'
    more: str = ""

    def statement(self) -> str:
        """Return the statement or notification itself."""
        account = tag("Acct", tag("Id", tag("IBAN", self.account) if self.account[:2].isalpha() else tag("Othr", tag("Id", self.account))))
        inside = "".join(entry.xml(int(self.version)) for entry in self.entries)
        some = "".join(balance(*told) for told in self.balances)
        return tag("Ntfctn" if self.notification else "Stmt", tag("Id", "S1"), account, some, inside)

    def xml(self) -> str:
        """Return the whole file as text."""
        number, name = ("054", "BkToCstmrDbtCdtNtfctn") if self.notification else ("053", "BkToCstmrStmt")
        head = tag("GrpHdr", tag("MsgId", "M0"), tag("CreDtTm", "2026-10-03T06:00:00"))
        space = {"xmlns": f"urn:iso:std:iso:20022:tech:xsd:camt.{number}.001.{self.version}"} if self.namespace else {}
        body = tag("Document", tag(name, head, self.statement(), self.more), **space)
        if self.prefix:
            body = re.sub("<(/?)", rf"<\1{self.prefix}:", body).replace("xmlns=", f"xmlns:{self.prefix}=")
        return self.declaration + body

    def bytes(self) -> bytes:
        """Return the whole file in the encoding that it declares."""
        encoding = "latin-1" if "8859" in self.declaration else "utf-16" if "UTF-16" in self.declaration else "utf-8"
        return self.xml().encode(encoding)
