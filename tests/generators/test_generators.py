# SPDX-License-Identifier: Apache-2.0
"""Kernels and twins over generated input of every variation: a short run here, the long ones under the `fuzz` mark."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desmos_fast.billing import codec
from desmos_fast.billing.model import Invoice, ReferringDoctor
from tests.generators import compare, faults, invoices
from tests.generators.__main__ import ROOT, together
from tests.generators.blocks import Case, every_wrong_value
from tests.generators.compare import Comparison
from tests.generators.damage import damaged
from tests.generators.draw import drawn, seeded
from tests.generators.files import any_file
from tests.oracle.fse_keys import written_name
from tests.oracle.reader import TABLES

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
SEEDS = 3
EACH = 1000
LINE = 129


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """One to three invoices, each sound or with one fault or several, in every form."""
    d = drawn(draw)
    found = []
    for place in range(1 + d.below(3)):
        sound = invoices.invoice(d, place, few=True)
        found.append(Case(*faults.planted(d, sound, bool(d.below(2)))) if d.below(2) else Case(sound, []))
    c, flow, strict = Comparison(), 1 + d.below(2), bool(d.below(2))
    compare.encoding(c, d, found, flow, strict)
    return c


@st.composite
def checks(draw: st.DrawFn) -> Comparison:
    """A damaged file, checked."""
    d = drawn(draw)
    c = Comparison()
    compare.checking(c, d, damaged(d, any_file(d, 2)))
    return c


def differences(block: list[Case], flow: int) -> set[str]:
    """Name the forms in which kernel and twin differ."""
    found = Comparison()
    compare.encoding(found, seeded(0), block, flow, False)
    return {each.form for each in found.differences}


def test_a_short_run_agrees_and_leaves_nothing_out() -> None:
    """Every key, there and left out, every code of every list, every width and every code of a fault is in it."""
    total = Comparison()
    for seed in range(SEEDS):
        found = compare.compare(seed, EACH)
        assert not found.differences
        for name, counts in vars(found.coverage).items():
            total.coverage.update(name, counts)
    assert total.coverage.lacks() == []


@pytest.mark.parametrize("flow", [1, 2])
def test_every_wrong_value_of_every_key_agrees(flow: int) -> None:
    block = every_wrong_value(seeded(flow))
    assert len(block) > 2000
    assert differences(block, flow) == set()


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(comparisons())
def test_invoices_agree(found: Comparison) -> None:
    assert not found.differences


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(checks())
def test_damaged_records_agree(found: Comparison) -> None:
    assert not found.differences


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@settings(max_examples=10_000, deadline=None, suppress_health_check=QUIET)
@given(comparisons())
def test_many_invoices_agree(found: Comparison) -> None:
    assert not found.differences


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@settings(max_examples=10_000, deadline=None, suppress_health_check=QUIET)
@given(checks())
def test_many_damaged_records_agree(found: Comparison) -> None:
    assert not found.differences


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
def test_a_million_invoices_and_damaged_files_agree() -> None:
    total = together(range(100), 10_000, os.cpu_count() or 1, ROOT / "build" / "compared.ndjson")
    assert (total.differences, total.coverage.lacks()) == ([], [])


def agree_on_characters(characters: range) -> None:
    """Each in a name, alone between two letters: its spelling in the record, or the code that refuses it."""
    sound = msgspec.convert(one_case()[0].invoice, Invoice)
    for first in range(characters.start, characters.stop, 5000):
        texts = [f"A{chr(number)}B" for number in range(first, min(first + 5000, characters.stop)) if not 0xD800 <= number < 0xE000]
        doctors = [ReferringDoctor(last_name=text, first_name="X") for text in texts]
        given = [msgspec.structs.replace(sound, number=place + 1, referring_doctor=doctor) for place, doctor in enumerate(doctors)]
        encoded = codec.encode(given, flow=1, lines=range(len(given)))
        wanted = [written_name(text) for text in texts]
        assert [(fault.line, fault.code) for fault in encoded.faults] == [
            (row, "B2_BAD_CHAR") for row, text in enumerate(wanted) if text is None
        ]  # fmt: skip
        zone = TABLES["2S"]["referring_last_name"]
        written = [run[LINE + zone.start : LINE + zone.end].decode().rstrip() for run in compare.runs_of(encoded)]
        assert written == [text or "" for text in wanted]


def test_names_of_common_characters_agree() -> None:
    agree_on_characters(range(0x3000))


@pytest.mark.fuzz
def test_names_of_every_character_agree() -> None:
    agree_on_characters(range(0x110000))


# The comparison itself -----------------------------------------------------------------------------------------------------------


def one_case() -> list[Case]:
    return [Case(invoices.invoice(seeded(1), 0, few=True), [])]


def test_one_other_byte_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    real = codec.encode

    def other(*given: Any, **named: Any) -> codec.Encoded[Any]:
        encoded = real(*given, **named)
        return msgspec.structs.replace(encoded, data=bytes(encoded.data[:-2]) + b"1\n")

    assert differences(one_case(), 2) == set()
    monkeypatch.setattr(codec, "encode", other)
    assert differences(one_case(), 2) >= {"structs", "dictionaries", "in parts"}


def test_a_fault_that_is_not_told_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    real = codec.encode
    bad = [Case(faults.copy(one_case()[0].invoice) | {"number": 0}, [("B2_BAD_VALUE", "number")])]
    assert differences(bad, 1) == set()
    monkeypatch.setattr(codec, "encode", lambda *given, **named: msgspec.structs.replace(real(*given, **named), faults=[]))
    assert differences(bad, 1) >= {"structs", "dictionaries", "in parts"}


def test_what_was_never_there_is_named() -> None:
    found = Comparison()
    compare.planted(found, one_case(), [])
    lacking = found.coverage.lacks()
    assert {"value: amo.regime=93", "refused invoice: B2_NIR_KEY", "refused record: B2_LIST_GAP"} <= set(lacking)
    assert "there: .number" not in lacking


def test_a_run_goes_on_where_another_one_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "compared.ndjson"
    once = together(range(1), 20, 1, log)
    again = together(range(2), 20, 2, log)
    assert [json.loads(line)["seed"] for line in log.read_text().splitlines()] == [0, 1]
    assert (once.differences, again.differences) == ([], [])
    assert 0 < once.counts["lines"] < again.counts["lines"]
    assert capsys.readouterr().out.count("seed 0: ") == 2
    assert together(range(1), 21, 1, log).counts["structs"] > 0
    assert len(log.read_text().splitlines()) == 3


def test_a_seed_gives_the_same_again() -> None:
    first, again = (list(invoices.many(seeded(7), 50)) for _ in range(2))
    assert first == again != list(invoices.many(seeded(8), 50))
