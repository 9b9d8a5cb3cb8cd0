# SPDX-License-Identifier: Apache-2.0
"""Input that is no exchange file, in plain Python."""

NO_FILE_BEGINS = (
    b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"%PDF-", b"\x7fELF",
    b"MZ\x90", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"{", b"[", b"<",
)  # fmt: skip


def is_foreign(data: bytes) -> bool:
    """Say whether an input is something else altogether: by its first bytes, by zeros, or by a quarter of bytes that are no text."""
    seen = data[:4096]
    odd = [byte for byte in seen if not (32 <= byte < 127 or byte in b"\t\r\n")]
    half = not any(seen[::2]) or not any(seen[1::2])
    return data.startswith(NO_FILE_BEGINS) or (len(seen) >= 128 and (half or 4 * len(odd) > len(seen)))
