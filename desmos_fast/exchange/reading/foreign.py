# SPDX-License-Identifier: Apache-2.0
"""Input that is not of the kind asked for at all, told by its first bytes: one fault that says what it looks like, instead of thousands."""

import codecs
from collections.abc import Mapping
from typing import Final

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.model import RECORD_WIDTH
from desmos_fast.exchange.reading.kernel import Scan, types
from desmos_fast.exchange.reading.tables import NO_TYPE

SEEN: Final = 4096
# Of every so many bytes one may be no text: more than that is no file of records that was damaged.
ODD: Final = 4
# Fewer records without a type are those of a file that was damaged.
FEW: Final = 8
UNTYPED: Final = bytes([NO_TYPE])
TEXT: Final = bytes([9, 10, 13, *range(32, 127)])
BEYOND_ASCII: Final = bytes(range(128, 256))
ARCHIVE: Final = "unpack it and give the file that is inside"
ITSELF: Final = "give the file of {unit} itself"
BEGINNINGS: Final[Mapping[bytes, tuple[str, str]]] = {
    b"\x1f\x8b": ("gzip", "unpack it first (gunzip)"),
    b"PK\x03\x04": ("a zip archive", ARCHIVE),
    b"PK\x05\x06": ("a zip archive", ARCHIVE),
    b"BZh": ("bzip2", "unpack it first (bunzip2)"),
    b"\xfd7zXZ\x00": ("xz", "unpack it first (unxz)"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unpack it first (unzstd)"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", ARCHIVE),
    b"%PDF-": ("a PDF document", ITSELF),
    b"\x7fELF": ("a program", ITSELF),
    b"MZ\x90": ("a program", ITSELF),
    b"\xef\xbb\xbf": ("text with a byte order mark", "save it as {text} without the mark"),
    b"\xff\xfe": ("UTF-16 text", "save it as {text}"),
    b"\xfe\xff": ("UTF-16 text", "save it as {text}"),
}
OTHER_TEXTS: Final[Mapping[bytes, tuple[str, str]]] = {
    b"{": ("JSON", "`fse encode` makes records of invoices"),
    b"[": ("JSON", "`fse encode` makes records of invoices, one object a line"),
    b"<": ("XML or HTML", ITSELF),
}


def foreign_fault(head: bytes) -> Fault | None:
    """Return the one fault of an input that begins like this, None where it may be an exchange file.

    The code is the one of its first record: another length, bytes that no record holds, or no type.
    """
    found = _look(head, {**BEGINNINGS, **OTHER_TEXTS}, TEXT)
    if found is None:
        return _untyped(head)
    what, advice = found[0], found[1].format(unit="records", text="plain ASCII")
    first = head.partition(b"\n")[0].removesuffix(b"\r") if b"\n" in head else head[:RECORD_WIDTH]
    code = "B2_BAD_CHAR" if len(first) == RECORD_WIDTH else "B2_BAD_LENGTH"
    return Fault(code=code, message=f"this looks like {what}, not like records of {RECORD_WIDTH} bytes: {advice}", record=1, offset=0)


def _untyped(head: bytes) -> Fault | None:
    """Return the fault of an input that begins with several records, none of which has a type, nor one that is refused by name."""
    # Most inputs are known by one of the first.
    if _scanned(head, FEW * RECORD_WIDTH).codes_of_types.strip(UNTYPED):
        return None
    scan = _scanned(head, head.rfind(b"\n") + 1 or len(head))
    if scan.count < FEW or scan.codes_of_types.strip(UNTYPED):
        return None
    faults = [fault for kept, _ in scan.faults(scan.count) for fault in kept]
    if any(code == "B2_UNSUPPORTED_RECORD" for _, code, _ in faults):
        return None
    message = f"none of the first {scan.count} records has {RECORD_WIDTH} bytes and a known type: {ITSELF.format(unit='records')}"
    return Fault(code=min(faults)[1], message=message, record=1, offset=0)


def _typed(head: bytes) -> bool:
    """Tell whether the first line, or what stands there without one, is a record with a type: no object of JSON begins as one does."""
    first = head.partition(b"\n")[0].removesuffix(b"\r") if b"\n" in head else head[:RECORD_WIDTH]
    return len(first) == RECORD_WIDTH and bool(_scanned(first, RECORD_WIDTH).codes_of_types.strip(UNTYPED))


def _scanned(head: bytes, size: int) -> Scan:
    """Read the whole records among the first bytes."""
    scan = Scan(b"\n" in head)
    scan.feed(types(), head[:size], final=False)
    return scan


def foreign_lines(head: bytes) -> Fault | None:
    """Return the one fault of an input that begins like this, None where it may be lines of JSON, faulty ones included."""
    found = _look(head, BEGINNINGS, TEXT if not _utf8(head[:SEEN]) else TEXT + BEYOND_ASCII)
    if found is None and _typed(head):
        found = (f"records of {RECORD_WIDTH} bytes", "`fse decode` makes invoices of claims, `returns parse` reads answers")
    if found is None:
        return None
    what, advice = found[0], found[1].format(unit="JSON lines", text="UTF-8")
    return Fault(code="B2_BAD_JSON", message=f"this looks like {what}, not like one JSON object a line: {advice}", line=1)


def _utf8(seen: bytes) -> bool:
    """Tell whether this begins a text in UTF-8: the last letter may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(seen)
    except UnicodeDecodeError:
        return False
    return True


def _look(head: bytes, beginnings: Mapping[bytes, tuple[str, str]], text: bytes) -> tuple[str, str] | None:
    for beginning, found in beginnings.items():
        if head.startswith(beginning):
            return found
    seen = head[:SEEN]
    if len(seen) < RECORD_WIDTH:
        return None
    if not seen.strip(b"\x00"):
        return "zero bytes", "the file was never written, or is damaged: take it from its source again"
    if not seen[::2].strip(b"\x00") or not seen[1::2].strip(b"\x00"):
        return "UTF-16 text", "save it as {text}"
    if len(seen.translate(None, text)) * ODD > len(seen):
        return "binary data", ITSELF
    return None
