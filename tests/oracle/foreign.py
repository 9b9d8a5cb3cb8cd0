# SPDX-License-Identifier: Apache-2.0
"""Input that is no exchange file, in plain Python."""

from tests.oracle import reader

NO_FILE_BEGINS = (
    b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"%PDF-", b"\x7fELF",
    b"MZ\x90", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"{", b"[", b"<",
)  # fmt: skip


def fault(data: bytes) -> str:
    """Return the code of an input that is something else altogether, "" for what may be an exchange file."""
    head = data[: reader.HEAD]
    if not is_foreign(head):
        return untyped(head)
    return "B2_BAD_CHAR" if len(reader.pieces(head)[0]) == 128 else "B2_BAD_LENGTH"


def is_foreign(data: bytes) -> bool:
    """Say whether it is by its first bytes, by zeros, or by a quarter of bytes that are no text."""
    seen = data[:4096]
    odd = [byte for byte in seen if not (32 <= byte < 127 or byte in b"\t\r\n")]
    half = not any(seen[::2]) or not any(seen[1::2])
    return data.startswith(NO_FILE_BEGINS) or (len(seen) >= 128 and (half or 4 * len(odd) > len(seen)))


def untyped(head: bytes) -> str:
    """Return the code of the first record when eight or more are whole and none of them has a type, readable or not."""
    whole = head[: head.rfind(b"\n") + 1] if b"\n" in head else head[: len(head) // 128 * 128]
    read, faults = reader.records(whole)
    codes = {record: code for code, record, _ in faults}
    typed = any(read.types) or "B2_UNSUPPORTED_RECORD" in codes.values()
    return "" if typed or len(read.types) < 8 else codes[1]
