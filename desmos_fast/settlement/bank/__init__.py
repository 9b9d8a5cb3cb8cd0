# SPDX-License-Identifier: Apache-2.0
"""Bank statements: one reader a format, one canonical line for all."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

import msgspec

from desmos_fast.settlement.bank import camt, cfonb120
from desmos_fast.settlement.bank.input import Found, refuse
from desmos_fast.settlement.bank.model import BankLine, Statement

Format = Literal["auto", "cfonb120", "camt"]
# A statement that is read as a whole; one that is read as a stream has no bound of ours.
LARGEST_FILE: Final = 64 * 1024 * 1024
_HEAD: Final = 4096


def stream_statement(source: BinaryIO, found: Found, statement_format: Format = "auto") -> Iterator[bytes]:
    """Give the lines of a statement as JSON, in memory that does not grow with it; nothing that was given holds before the end.

    `source` is read twice from its beginning. Raises BankRefused with the first fault of a file that cannot be taken.
    """
    source.seek(0)
    known = statement_format if statement_format != "auto" else "camt" if _is_xml(source.read(_HEAD)) else "cfonb120"
    return camt.lines(source, found) if known == "camt" else cfonb120.lines(source, found)


def _is_xml(head: bytes) -> bool:
    return head.startswith((b"\xff\xfe<\0", b"\xfe\xff\0<")) or head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def read_statement(data: bytes, statement_format: Format = "auto") -> Statement:
    """Read a statement in the format named, or told from its first bytes.

    Raises BankRefused with the first fault of a file that cannot be taken; nothing of a refused file is kept.
    """
    if len(data) > LARGEST_FILE:
        refuse("BANK_TOO_LARGE", f"the file has {len(data)} bytes, more than {LARGEST_FILE}", "split the file between two statements")
    found = Found()
    decoder = msgspec.json.Decoder(BankLine)
    lines: list[BankLine] = []
    for written in stream_statement(io.BytesIO(data), found, statement_format):
        lines += decoder.decode_lines(written)
    return Statement(
        sha256=found.sha256, format=found.format, lines=tuple(lines), blocks=tuple(found.blocks), warnings=found.warnings,
        entries=tuple(found.entries),
    )  # fmt: skip
