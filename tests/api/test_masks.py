# SPDX-License-Identifier: Apache-2.0
"""No NIR passes a log or a problem, whatever its dress."""

import io
import logging
import random
from typing import Final

import orjson
import pytest
import structlog

from api.logs import configure, mask_text, mask_value
from api.problems import NotJson, fault_entry, of_error, pointer
from desmos_fast.base.identifiers import nir_key
from desmos_fast.billing.model import Amo, Beneficiary, Invoice
from desmos_fast.exchange.faults import Fault, FaultyInput

COUNT: Final = 2_000


def canaries(count: int, seed: int = 20261120) -> list[str]:
    """Make `count` synthetic NIRs with their right key, one in ten Corsican."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        place = draw.choice(["2A", "2B"]) if draw.random() < 0.1 else f"{draw.randint(1, 95):02d}"
        birth = f"{draw.choice('12')}{draw.randint(0, 99):02d}{draw.randint(1, 12):02d}"
        body = f"{birth}{place}{draw.randint(1, 990):03d}{draw.randint(1, 999):03d}"
        made.append(f"{body}{nir_key(body):02d}")
    return made


def spaced(nir: str) -> str:
    return f"{nir[0]} {nir[1:3]} {nir[3:5]} {nir[5:7]} {nir[7:10]} {nir[10:13]} {nir[13:]}"


@pytest.mark.parametrize(
    "dress",
    ["{}", "nir={} refused", '{{"insured_nir":"{}"}}', "/v1/invoices/{}", "2750000010{}000DUPONT", "{0},{0}", "NIR{}", "VIR CPAM REF{}X",
     "patient.nir{}@centre.example", "nir{}", "{}z"],
)  # fmt: skip
def test_canaries_never_leave_a_text(dress: str) -> None:
    for nir in canaries(COUNT):
        masked = mask_text(dress.format(nir))
        assert nir not in masked
        assert nir[:13] not in masked


def test_spaced_and_keyless_forms_are_hidden() -> None:
    for nir in canaries(COUNT):
        assert nir[10:13] not in mask_text(f"patient {spaced(nir)} absent").removeprefix("patient ")
        assert nir[:13] not in mask_text(f"patient {nir[:13]} absent")


@pytest.mark.parametrize("text", ["019a0c11-7f2e-7c3a-9d34-4f3a2b1c0d9e", "750000010", "123456789", "2026-11-20T08:00:00.123456Z", "12,50"])
def test_what_is_no_nir_stays(text: str) -> None:
    assert mask_text(text) == text


def test_the_log_masks_by_pattern_and_by_type(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    try:
        configure("info", stream)
        log = structlog.get_logger()
        people = canaries(200)
        for nir in people:
            invoice = Invoice(
                number=1, biller="750000010", insured_nir=nir, beneficiary=Beneficiary(birth_date="19550814"),
                amo=Amo(regime="01", caisse="751", centre="0000"), acts=(),
            )  # fmt: skip
            number = int(nir) if nir.isdigit() else nir
            log.info("refused", text=f"for {nir}", number=number, invoice=invoice, nested={"a": [nir, {nir: 1}]})
            logging.getLogger("library").warning("library says %s", nir)
            try:
                raise ValueError(f"bad person {nir}")
            except ValueError:
                log.exception("crashed")
        text = stream.getvalue()
    finally:
        root.handlers[:], root.level = kept
        structlog.reset_defaults()
    assert text.count("\n") == 3 * len(people)
    assert all(orjson.loads(line) for line in text.splitlines())
    assert [nir for nir in people if nir in text or nir[:13] in text] == []


def test_our_objects_are_logged_by_name_only() -> None:
    assert mask_value(Beneficiary(birth_date="19550814", last_name="DUPONT")) == "<Beneficiary>"
    assert mask_value(b"2550814") == "<bytes>"
    assert mask_value([1, None, True, "x"]) == [1, None, True, "x"]


def test_a_problem_masks_values_and_details() -> None:
    nir = canaries(1)[0]
    fault = Fault(code="B2_NIR_KEY", message=f"key of {nir} is wrong", field="acts[0].executor.am", value=nir, line=3)
    entry = fault_entry(fault)
    assert entry["pointer"] == "/acts/0/executor/am"
    assert entry["title_fr"] == "Clé du NIR incorrecte"
    assert entry["line"] == 3
    for error in (FaultyInput([fault]), NotJson(f"near {nir}")):
        response = of_error(error, "r1")
        assert isinstance(response.body, bytes)
        assert nir.encode() not in response.body
        assert nir[:13].encode() not in response.body


@pytest.mark.parametrize(
    ("path", "expected"), [("number", "/number"), ("acts[12].amo", "/acts/12/amo"), (None, ""), ("a/b", "/a~1b"), ("teeth[0]", "/teeth/0")]
)
def test_field_paths_become_json_pointers(path: str | None, expected: str) -> None:
    assert pointer(path) == expected
