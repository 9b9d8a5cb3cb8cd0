# SPDX-License-Identifier: Apache-2.0
"""Bank statements: one reader a format, one canonical line for all."""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

import msgspec
from msgspec import structs

from desmos_fast.settlement.bank import camt, cfonb120, csv_lines
from desmos_fast.settlement.bank.input import Found, refuse
from desmos_fast.settlement.bank.mapping import Mapping
from desmos_fast.settlement.bank.model import BankLine, Statement

Format = Literal["auto", "cfonb120", "camt", "csv"]
# A statement that is read as a whole; one that is read as a stream has no bound of ours.
LARGEST_FILE: Final = 64 * 1024 * 1024
_HEAD: Final = 4096
# Some hosts fill zones with NUL, which no database keeps in a text: a blank, as the zone means.
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
# What people send in the place of a statement.
_OTHERS: Final = {
    b"\x1f\x8b": "packed (gzip)",
    b"PK\x03\x04": "a ZIP file or a workbook of a spreadsheet",
    b"\xd0\xcf\x11\xe0": "a workbook of a spreadsheet",
    b"%PDF": "a PDF",
}


def stream_statement(
    source: BinaryIO, found: Found, statement_format: Format = "auto", mapping: Mapping | None = None
) -> Iterator[bytes]:
    """Give the lines of a statement as JSON, in memory that does not grow with it; nothing that was given holds before the end.

    `source` is read twice from its beginning. A CSV needs its mapping, and a mapping is of nothing but CSV.
    Raises BankRefused with the first fault of a file that cannot be taken.
    """
    source.seek(0)
    known = statement_format if statement_format != "auto" else _format_of(source.read(_HEAD), mapping)
    if known == "camt":
        return camt.lines(source, found)
    if known == "cfonb120":
        return cfonb120.lines(source, found)
    if mapping is None:
        refuse("BANK_CSV", "a CSV needs a mapping that says what its columns hold", "write one: see docs/how-to/bank-csv.md")
    return csv_lines.lines(source, found, mapping)


def _format_of(head: bytes, mapping: Mapping | None) -> Format:
    for mark, name in _OTHERS.items():
        if head.startswith(mark):
            refuse("BANK_UNKNOWN_RECORD", f"the file is {name} and no statement", "unpack it, or save it as the bank's text file or CSV", 1)
    if mapping is not None:
        return "csv"
    if _is_xml(head):
        return "camt"
    # Records begin with two digits; separators in a first line that does not are those of columns.
    first = head.lstrip().partition(b"\n")[0]
    return "csv" if first[:1] != b"0" and sum(map(first.count, b";,\t|")) > 1 else "cfonb120"


def _is_xml(head: bytes) -> bool:
    return head.startswith((b"\xff\xfe<\0", b"\xfe\xff\0<")) or head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def read_statement(
    data: bytes, statement_format: Format = "auto", mapping: Mapping | None = None, *, nul_is_blank: bool = False
) -> Statement:
    """Read a statement in the format named, or told from its first bytes; `nul_is_blank` makes its texts such that a database keeps them.

    Raises BankRefused with the first fault of a file that cannot be taken; nothing of a refused file is kept.
    """
    if len(data) > LARGEST_FILE:
        refuse("BANK_TOO_LARGE", f"the file has {len(data)} bytes, more than {LARGEST_FILE}", "split the file between two statements")
    found = Found()
    decoder = msgspec.json.Decoder(BankLine)
    lines: list[BankLine] = []
    for written in stream_statement(io.BytesIO(data), found, statement_format, mapping):
        if nul_is_blank and b"\\u0000" in written:
            blank = decoder.decode_lines(_NUL.sub(rb"\1 ", written))
            lines += [structs.replace(line, account="".join(line.account.split())) for line in blank]
        else:
            lines += decoder.decode_lines(written)
    blocks, warnings = tuple(found.blocks), found.warnings
    if nul_is_blank:
        blocks = tuple(structs.replace(block, account=block.account.replace("\0", "")) for block in blocks)
        warnings = tuple(
            structs.replace(fault, value=fault.value.replace("\0", " ")) if isinstance(fault.value, str) else fault for fault in warnings
        )
    return Statement(
        sha256=found.sha256, format=found.format, lines=tuple(lines), blocks=blocks, warnings=warnings, entries=tuple(found.entries)
    )
