# SPDX-License-Identifier: Apache-2.0
"""The files of a Vitale 2 read in the plainest way, to compare with: recursion over bytes, nothing shared with the program."""

Node = tuple[str, bytes]


def nodes(data: bytes) -> list[Node]:
    """Return tags, as hexadecimal, and values."""
    if not data:
        return []
    if data[0] in (0x00, 0xFF):
        return nodes(data[1:])
    size = 1
    if data[0] % 32 == 31:
        while size < len(data) and data[size] >= 128:
            size += 1
        size += 1
    if size > 4 or size >= len(data):
        return []
    tag, rest = data[:size].hex().upper(), data[size:]
    if rest[0] < 128:
        length, rest = rest[0], rest[1:]
    elif rest[0] == 0x81 and len(rest) >= 2:
        length, rest = rest[1], rest[2:]
    elif rest[0] == 0x82 and len(rest) >= 3:
        length, rest = rest[1] * 256 + rest[2], rest[3:]
    else:
        return []
    if length > len(rest):
        return []
    return [(tag, rest[:length]), *nodes(rest[length:])]


def under(data: bytes, tag: str) -> list[bytes]:
    """Return the values of a tag."""
    return [value for found, value in nodes(data) if found == tag]


def places(pointers: bytes) -> list[tuple[bytes, bytes]]:
    """Return application and file of each entry of the file of pointers."""
    found = []
    for table in under(pointers, "E0"):
        names = {}
        for group in under(table, "A0"):
            for entry in under(group, "82"):
                if 5 <= len(entry) <= 20:
                    names[entry[0:2]] = entry[4:]
        for file in under(table, "80"):
            if len(file) == 12 and file[8:10] in names:
                place = (names[file[8:10]], file[10:12])
                if place not in found:
                    found.append(place)
    return found


def key_is_right(nir: str) -> bool:
    """Say whether 15 characters are a NIR with its key; the departments of Corsica count as 19 and 18."""
    if len(nir) != 15 or not nir.isascii():
        return False
    body, key = nir[:13], nir[13:]
    for letters, digits in (("2A", "19"), ("2B", "18")):
        if body[5:7] == letters:
            body = body[:5] + digits + body[7:]
    return body.isdigit() and key.isdigit() and 97 - int(body) % 97 == int(key)


def who(files: list[bytes]) -> str | dict[str, str | None]:
    """Return the fields of the first holder that the files tell of, or the code of the error."""
    holders = [value for file in files for value in under(file, "65")]
    if not holders:
        return "card_no_identity"
    fields = {
        name: under(holders[0], tag) for name, tag in (("last_name", "80"), ("first_name", "81"), ("birth_date", "82"), ("nir", "93"))
    }
    texts = {name: found[0].decode("latin-1") if found else None for name, found in fields.items()}
    nir = texts["nir"]
    return "card_nir_key" if nir is not None and not key_is_right(nir) else texts
