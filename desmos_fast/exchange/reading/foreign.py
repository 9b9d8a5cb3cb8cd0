# SPDX-License-Identifier: Apache-2.0
"""Input that is no exchange file at all, told by its first bytes: one fault that says what it looks like, instead of thousands."""

from collections.abc import Mapping
from typing import Final

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.layouts import RECORD_WIDTH

SEEN: Final = 4096
# Of every so many bytes one may be no text: more than that is no file of records that was damaged.
ODD: Final = 4
TEXT: Final = bytes([9, 10, 13, *range(32, 127)])
ARCHIVE: Final = "unpack it and give the file that is inside"
BEGINNINGS: Final[Mapping[bytes, tuple[str, str]]] = {
    b"\x1f\x8b": ("gzip", "unpack it first (gunzip)"),
    b"PK\x03\x04": ("a zip archive", ARCHIVE),
    b"PK\x05\x06": ("a zip archive", ARCHIVE),
    b"BZh": ("bzip2", "unpack it first (bunzip2)"),
    b"\xfd7zXZ\x00": ("xz", "unpack it first (unxz)"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unpack it first (unzstd)"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", ARCHIVE),
    b"%PDF-": ("a PDF document", "give the file of records itself"),
    b"\x7fELF": ("a program", "give the file of records itself"),
    b"MZ\x90": ("a program", "give the file of records itself"),
    b"\xef\xbb\xbf": ("text with a byte order mark", "save it as plain ASCII without the mark"),
    b"\xff\xfe": ("UTF-16 text", "save it as plain ASCII"),
    b"\xfe\xff": ("UTF-16 text", "save it as plain ASCII"),
    b"{": ("JSON", "`fse encode` makes records of invoices"),
    b"[": ("JSON", "`fse encode` makes records of invoices, one object a line"),
    b"<": ("XML or HTML", "give the file of records itself"),
}


def foreign_fault(head: bytes) -> Fault | None:
    """Return the one fault of an input that begins like this, None where it may be an exchange file.

    The code is the one of its first record: another length, or bytes that no record holds.
    """
    found = _look(head)
    if found is None:
        return None
    what, advice = found
    first = head.partition(b"\n")[0].removesuffix(b"\r") if b"\n" in head else head[:RECORD_WIDTH]
    code = "B2_BAD_CHAR" if len(first) == RECORD_WIDTH else "B2_BAD_LENGTH"
    return Fault(code=code, message=f"this looks like {what}, not like records of {RECORD_WIDTH} bytes: {advice}", record=1, offset=0)


def _look(head: bytes) -> tuple[str, str] | None:
    for beginning, found in BEGINNINGS.items():
        if head.startswith(beginning):
            return found
    seen = head[:SEEN]
    if len(seen) < RECORD_WIDTH:
        return None
    if not seen.strip(b"\x00"):
        return "zero bytes", "the file was never written, or is damaged: take it from its source again"
    if not seen[::2].strip(b"\x00") or not seen[1::2].strip(b"\x00"):
        return "UTF-16 text", "save it as plain ASCII"
    if len(seen.translate(None, TEXT)) * ODD > len(seen):
        return "binary data", "give the file of records itself"
    return None
