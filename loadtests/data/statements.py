# SPDX-License-Identifier: Apache-2.0
"""Statements of an invented bank, as long as is asked: CFONB 120 of norm and camt.053 of version 8, the same movements in both.

They hold nothing that a reader could stumble over: peers are to be timed, not shamed. Never committed, always made.
"""

from collections.abc import Iterator
from typing import Final

RIB: Final = "30002005500000157845Z"
IBAN: Final = "FR7030002005500000157845Z02"
IN_A_BLOCK: Final = 500
PAYERS: Final = ("CPAM DE ALBEVILLE", "MUTUELLE DES TILLEULS", "MSA RIVE GAUCHE", "CAISSE ESSAI RIVE DROITE")
_DAY: Final = "021026"
_ISO: Final = "2026-10-02"


def amount_of(number: int) -> int:
    """Return the cents of a movement."""
    return 100 + number * 7919 % 500_000


def payer_of(number: int) -> str:
    """Return who pays a movement."""
    return PAYERS[number % len(PAYERS)]


def cfonb(count: int) -> Iterator[bytes]:
    """Give the blocks of a CFONB 120 file with so many movements of five records."""
    balance = 1_000_000
    for start in range(0, count, IN_A_BLOCK):
        records = [_record("01", f"{'':2}{_DAY}{'':50}{_signed(balance)}")]
        for number in range(start, min(start + IN_A_BLOCK, count)):
            balance += amount_of(number)
            records += _movement(number)
        records.append(_record("07", f"{'':2}{_DAY}{'':50}{_signed(balance)}"))
        yield "".join(f"{record:120}\n" for record in records).encode("latin-1")


def _signed(cents: int) -> str:
    return f"{cents // 10:013d}{'{ABCDEFGHI'[cents % 10]}"


def _record(kind: str, rest: str) -> str:
    return f"{kind}{RIB[:5]}0001{RIB[5:10]}EUR2 {RIB[10:]}{rest}"


def _movement(number: int) -> list[str]:
    payer = payer_of(number)
    label = f"VIR SEPA {payer}"[:31]
    told = {"NPY": payer, "LIB": "VIREMENT RECU TIERS PAYANT", "LCC": f"DECOMPTE {2627500000000 + number}", "RCN": f"E2E{number:012d}"}
    return [
        _record("04", f"05{_DAY}  {_DAY}{label:31}  000000000{_signed(amount_of(number))}"),
        *(_record("05", f"05{_DAY}{'':5}{qualifier}{text:70}") for qualifier, text in told.items()),
    ]


def camt(count: int) -> Iterator[bytes]:
    """Give a camt.053 file with so many entries of one transaction."""
    space = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
    head = "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-10-03T06:00:00</CreDtTm></GrpHdr>"
    account = f"<Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>{_balance('OPBD', 1_000_000)}"
    closing = _balance("CLBD", 1_000_000 + sum(map(amount_of, range(count))))
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{space}"><BkToCstmrStmt>{head}<Stmt><Id>S1</Id>'
        f"<CreDtTm>2026-10-03T06:00:00</CreDtTm>{account}{closing}\n"
    ).encode()  # fmt: skip
    for start in range(0, count, IN_A_BLOCK):
        yield "".join(_entry(number) for number in range(start, min(start + IN_A_BLOCK, count))).encode()
    yield b"</Stmt></BkToCstmrStmt></Document>\n"


def _balance(kind: str, cents: int) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(cents)}<CdtDbtInd>CRDT</CdtDbtInd>"
        f"<Dt><Dt>{_ISO}</Dt></Dt></Bal>"
    )  # fmt: skip


def _amount(cents: int) -> str:
    return f'<Amt Ccy="EUR">{cents // 100}.{cents % 100:02d}</Amt>'


def _entry(number: int) -> str:
    amount, code = _amount(amount_of(number)), "<Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd>"
    return (
        f"<Ntry><NtryRef>{number + 1}</NtryRef>{amount}<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{_ISO}</Dt></BookgDt><ValDt><Dt>{_ISO}</Dt></ValDt><AcctSvcrRef>SRV{number:012d}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly>{code}</Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>E2E{number:012d}</EndToEndId></Refs>{amount}<CdtDbtInd>CRDT</CdtDbtInd>"
        f"<RltdPties><Dbtr><Pty><Nm>{payer_of(number)}</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>DECOMPTE {2627500000000 + number}</Ustrd></RmtInf></TxDtls></NtryDtls>"
        f"<AddtlNtryInf>VIR SEPA {payer_of(number)}</AddtlNtryInf></Ntry>\n"
    )
