# SPDX-License-Identifier: Apache-2.0
"""Bank statements: one reader a format, one canonical line for all."""

from typing import Literal

from desmos_fast.settlement.bank import cfonb120
from desmos_fast.settlement.bank.model import BankFault, BankRefused, Statement

Format = Literal["auto", "cfonb120"]


def read_statement(data: bytes, statement_format: Format = "auto") -> Statement:
    """Read a statement in the format named, or told from its first bytes.

    Raises BankRefused with the first fault of a file that cannot be taken.
    """
    if statement_format == "auto" and data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        raise BankRefused(
            BankFault(
                code="BANK_XML",
                message="the file is XML; only CFONB 120 statements are read",
                line=1,
                position=1,
                hint="ask the bank for the statement in CFONB 120",
            )
        )
    return cfonb120.parse(data)
