# SPDX-License-Identifier: Apache-2.0
"""The examples of the page on matching are true."""

import re
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.settlement.model import Order
from tests.settlement.worlds import NIR, credit, invoice, line, of, order, run

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reconciliation.md"
OTHER = "285079999900110"


def rows(heading: str, first: str) -> list[tuple[str, str]]:
    """Return the rows of the table of examples below a heading."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = text.split(f"| {first} | is |\n|---|---|\n")[1].split("\n\n")[0]
    return [(row[0], row[1]) for row in (re.split(r" \| ", text.strip("| "), maxsplit=1) for text in table.splitlines())]


LINES: list[list[dict[str, Any]]] = [
    [{}], [{"lot": None, "amount": 1000}], [{"nir": None}], [{"invoice_number": None}], [{"invoice_number": 124}],
    [{"invoice_number": None, "amount": 2200}], [{"invoice_number": None}],
    [{"invoice_number": None, "amount": 1000}, {"invoice_number": None, "amount": 1200}],
    [{}, {"status": "recovery", "amount": -2100} | dict.fromkeys(("biller", "part", "lot", "nir", "care_date"))],
    [{"status": "recovery", "amount": -2100} | dict.fromkeys(("biller", "part", "lot", "nir", "care_date", "invoice_number"))],
    [{"part": None, "amount": 5000}],
]  # fmt: skip


@pytest.mark.parametrize(("example", "lines"), list(zip(rows("Order lines to parts", "line"), LINES, strict=True)))
def test_the_examples_of_lines(example: tuple[str, str], lines: list[dict[str, Any]]) -> None:
    said, becomes = example
    twin = invoice(124) if "124 is of the same" in said else invoice(124, insured_nir=OTHER)
    match = of(run([invoice(), twin], [order("o:1", *(line(number, **one) for number, one in enumerate(lines, 1)))]), "A")[-1]
    assert becomes.startswith(match.rule), (said, match)
    assert match.status in becomes or match.status in ("confirmed", "unmatched") or becomes == "A4"
    assert NIR not in str(match.evidence)


def cents(text: str) -> int:
    return int(text.replace(".", ""))


def paying(name: str, amount: int, day: str, reference: str = "") -> Order:
    one = line(amount=amount, status="recovery" if amount < 0 else "paid", part=None)
    return order(name, one, payment_date=day, payment_ref=reference or f"8{name[2:]:>05}")


ORDERS = [
    paying("o:1", 1000, "2026-10-02", "900001"), paying("o:2", 700, "2026-10-02", "900002"), paying("o:3", 50, "2026-10-03", "900003"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "becomes"), rows("Credits to orders", "credit"))
def test_the_examples_of_credits(said: str, becomes: str) -> None:
    amount, orders = cents(said.split(",")[0]), list(ORDERS)
    quoted = re.findall(r"\b90000\d", said)
    recoveries = 2 if "two such" in said else 1 if "a recovery" in said else 0
    orders += [paying(f"o:{4 + number}", -100, "2026-09-20") for number in range(recoveries)]
    if "28 September" in said:
        orders += [paying("o:8", 900, "2026-09-28"), paying("o:9", 800, "2026-09-28")]
    [match] = of(run([], orders, [credit(amount=amount, references=quoted, remittance=quoted)]), "B")
    assert re.match(rf"{match.rule}\b", becomes), (said, match)
    assert match.status == (
        "ambiguous"
        if "ambiguous" in becomes or match.rule == "B5"
        else "suggested"
        if "by a person" in becomes or "proposed" in becomes
        else "confirmed"
    )
