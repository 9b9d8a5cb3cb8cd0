# SPDX-License-Identifier: Apache-2.0
"""Damaged lines, with and without their amounts: each is priced or told, and nothing that is said names a person."""

import re
from collections import Counter
from datetime import date

from desmos_fast.billing.pricing.codec import filled_line, price_block, read_entries, record_faults
from desmos_fast.billing.pricing.explain import as_text, explain
from desmos_fast.billing.pricing.quote import as_text as quote_text
from desmos_fast.billing.pricing.quote import quotes
from desmos_fast.nomenclature.tariffs import load_tariffs
from tests.fuzz.replay import changed

RUNS = 1500
AMOUNTS = re.compile(rb'"(?:unit_price|base|rate|amo|fees|amc)":[0-9]+,')
NIR = "255081416802538"


def test_every_line_is_priced_or_told() -> None:
    tariffs, sound, codes = load_tariffs(), 0, Counter[str]()
    for place, data in enumerate(changed("invoices", RUNS)):
        data = AMOUNTS.sub(b"", data) if place % 2 else data
        on = date(2023, 10, 14) if place % 3 == 0 else None
        block = price_block(data, tariffs, today=date(2026, 11, 20), on=on)
        lines = data.split(b"\n")
        told = {fault.line or 0 for fault in block.faults}
        assert sorted([*told, *(entry.line for entry in block.sound)]) == [n for n, line in enumerate(lines, 1) if line.strip(b" \t\r")]
        for entry, found in zip(block.entries, block.priced, strict=True):
            said = as_text(entry.entered, explain(entry.entered, found, tariffs, on), entry.line, block.faults, on)
            assert NIR not in said
        for _, quote in quotes(block):
            assert quote.total == quote.amo + quote.amc + quote.patient
            assert NIR not in quote_text(quote, "")
        for entry in block.sound:
            (again,), _ = read_entries(filled_line(lines[entry.line - 1], entry.invoice))
            assert (again.asked, again.invoice) == (None, entry.invoice)
        assert not record_faults(block.sound)
        sound += len(block.sound)
        codes.update(fault.code for fault in block.faults)
    assert sound > RUNS // 20
    assert {"amount_mismatch", "amount_missing", "B2_BAD_VALUE", "B2_BAD_JSON"} <= set(codes)
