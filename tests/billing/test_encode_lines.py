# SPDX-License-Identifier: Apache-2.0
"""Lines whose values are found beforehand, where the processor can, give what they give read one by one: the same bytes and surprises."""

import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from desmos_fast.billing import kernel
from ext.ndjson import Lines
from tests.billing.odd import INVOICES
from tests.billing.test_encode_columns import DAYS, NIRS, TEXTS, near

# Numbers of a biller or a structure: two that only a structure has, three with a wrong key, and some of another length.
PLACES = (b"200100006", b"200200004", b"200300002", b"200300007", b"750000015", b"750000018", b"75000001", b"7500000100", b"75000001A")
TOKENS = (
    b"0", b"00", b"01", b"-1", b"1.5", b"1e2", b"1E2", b"9", b"10", b"100", b"101", b"9999999", b"99999999", b"100000000",
    b"123456789012345678", b"1a", b"null", b"nul", b"nulll", b"true", b"false", b"True", b"[]", b"{}",
    b'"', b'""', b'"""', b'"A""B"', b'"A,B"', b'"A}B"', b'"A]"',
    b'"A\\"B"', b'"\\u0041"', b'"\\"', b'"A', b'A"', b'"A\nB"', b' "0"', b'"0" ', b" 1", b"1 ", b"1\n", b"", b",", b"}", b"]", b":", b"\0",
    b'"secured"', b'"secured\0"', b'"full"', b'"ful"', b'"fully"', b'"none"', b'"a text of more than sixteen characters"',
    b'"ngap"', b'"ngap\0"', b'"ccam"', *(b'"%b"' % text for text in PLACES),
)  # fmt: skip


def lines(simd: str) -> Lines:
    """Return a reader of lines of its own, with or without operations under a mask."""
    own: dict[str, Any] = {"encoder": kernel.encoder.__wrapped__, "keys": kernel.keys.__wrapped__}
    with patch.dict("os.environ", {"DESMOS_SIMD": simd}), patch.multiple(kernel, **own):
        return kernel.lines.__wrapped__()


WIDE, PORTABLE = lines("wide"), lines("portable")
SAMPLE = [msgspec.json.encode(msgspec.structs.replace(invoice, number=10 + place)) for place, invoice in enumerate(INVOICES)]


def found(reader: Lines, data: bytes) -> tuple[Any, ...]:
    odd: list[tuple[int, bytes]] = []

    def general(line: bytes, number: int) -> None:
        odd.append((number, bytes(line)))

    written, starts, fees, amo, amc, *_ = reader.encode(data, 1, general)
    return bytes(written), list(starts), list(fees), list(amo), list(amc), odd, reader.surprises(data)


def alike(data: bytes) -> int:
    """Compare both ways, and say how many lines go the general way."""
    wide = found(WIDE, data)
    assert wide == found(PORTABLE, data), data
    return len(wide[5])


def changed(line: bytes, tokens: tuple[bytes, ...]) -> Iterator[bytes]:
    """Put each token in the place of each simple value of a line."""
    for value in re.finditer(rb'(?<=":)("[^"]*"|[0-9a-z]+)', line):
        for token in tokens:
            yield line[: value.start()] + token + line[value.end() :]


def rearranged(line: bytes) -> Iterator[bytes]:
    """Put something else in the place of each object and list without others in it, and change which members it has."""
    for whole in re.finditer(rb"\{[^{}]*\}|\[[^{}\[\]]*\]", line):
        start, stop = whole[0][:1], whole[0][-1:]
        members = re.findall(rb'(?:"[a-z_]+":)?(?:"[^"]*"|\[[^\]]*\]|[0-9a-z]+)', whole[0][1:-1])
        others = [b"null", b"nul", b"{}", b"[]", b"[ ]", b"[[]]", b"[]]", b"[}", b"{]", b'[""]', b"", start, stop]
        others += [whole[0] + end for end in (stop, b" ", b"x")] + [whole[0][:-1] + end for end in (b"", b"}", b"]")] + [b"[]x", b"{}x"]
        for place, member in enumerate(members):
            rest = [*members[:place], *members[place + 1 :]]
            others += [start + b",".join(each) + stop for each in (rest, [*rest, member], [*members, member], [member, *members])]
            others += [start + b",".join(members[:place]) + end for end in (b"", b",", b"," + stop, stop + b" ", b"]", b"null" + stop)]
        yield from (line[: whole.start()] + other + line[whole.end() :] for other in others)


def beside(line: bytes, given: list[bytes]) -> bytes:
    """Put a sound line before each: after many that are not, none is read beforehand. Each has its own number, for none to be twice."""
    every = enumerate((each for other in given for each in (line, other)), 1000)
    return b"\n".join(re.sub(rb'"number":[0-9]+,"biller', b'"number":%d,"biller' % number, each, count=1) for number, each in every)


@pytest.fixture(autouse=True)
def _can() -> None:
    if not WIDE.schema.encoder.wide:
        pytest.skip("this processor has no operations under a mask")


def chosen() -> list[bytes]:
    """Return a few short lines which together have every key with a value."""
    keys = (b'"ccam"', b'"ngap"', b'"accident":{', b'"referring_doctor":{', b'"amc":{', b'"prescriber":{')
    return [min((line for line in SAMPLE if key in line and line.isascii()), key=len) for key in keys]


@pytest.mark.parametrize("place", range(6))
def test_no_value_is_read_in_two_ways(place: int) -> None:
    line = chosen()[place]
    texts = tuple(b'"%b"' % text for text in (*TEXTS, *DAYS, *NIRS))
    given = list(changed(line, (*TOKENS, *texts)))
    assert 0 < alike(beside(line, given)) < len(given)


@pytest.mark.parametrize("place", range(6))
def test_no_object_or_list_is_read_in_two_ways(place: int) -> None:
    line = chosen()[place]
    given = list(rearranged(line))
    assert 0 < alike(beside(line, given)) < len(given)


def test_entries_that_are_nearly_sound_are_read_alike() -> None:
    for line in chosen():
        for value in re.finditer(rb'(?<=":)"([^"]*)"', line):
            made = [line[: value.start()] + b'"%b"' % text + line[value.end() :] for text in near(value[1])]
            alike(b"\n".join(each for text in made for each in (line, text)))


@pytest.mark.parametrize("end", [b"", b"\n", b"\n" + SAMPLE[0], b" " * 80])
def test_a_line_that_ends_early_is_read_alike(end: bytes) -> None:
    for line in chosen():
        for stop in range(len(line) + 1):
            alike(line[:stop] + end)


def test_lines_of_any_length_are_read_alike() -> None:
    crowded = SAMPLE[0].replace(b'"acts":[', b'"acts":[' + b"," * 40, 1)
    act = re.search(rb'"acts":\[(\{.*?\}),?[\]{]', SAMPLE[0])
    assert act is not None
    for line in (crowded, *(SAMPLE[0].replace(act[1], b",".join([act[1]] * times), 1) for times in (2, 40, 64, 65, 300))):
        alike(line)
        alike(b"\n".join((SAMPLE[1], line, SAMPLE[2])))
    for blanks in range(130):
        alike(b"\n" * blanks + SAMPLE[0] + b" " * blanks + b"\n" + SAMPLE[1])


def test_a_key_that_comes_again_is_no_sound_line_in_any_order() -> None:
    pair = re.search(rb'("regime":"[0-9]+",)("caisse":"[0-9]+",)', SAMPLE[0])
    assert pair is not None
    first, second = pair.groups()
    assert alike(SAMPLE[0].replace(pair[0], second + first)) == 0
    for order in ((first, first, second), (second, first, second), (first, second, first), (second, second, first), (second, first, first)):
        assert alike(SAMPLE[0].replace(pair[0], b"".join(order))) == 1, order
