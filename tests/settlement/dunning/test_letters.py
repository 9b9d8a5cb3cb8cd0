# SPDX-License-Identifier: Apache-2.0
"""Every letter, of every rule and level, as text and as a page."""

from datetime import UTC, date, datetime
from typing import Final, get_args
from uuid import UUID

import msgspec
import pytest

from desmos_fast.base.types import Cents
from desmos_fast.settlement.dunning.reminders import letters
from desmos_fast.settlement.dunning.reminders.model import ReminderItem, ReminderView, Rule

DAY: Final = date(2026, 11, 25)
FINESS: Final = "750000018"


def item(subject: str, part: str | None, amount: int, still: int) -> ReminderItem:
    document = {
        "subject": subject, "invoice_id": None, "part": part, "care_date": "2026-09-14" if part else None, "since": "2026-09-20",
        "amount": amount, "open": still,
    }  # fmt: skip
    return msgspec.convert(document, ReminderItem)


def reminder(rule: Rule, level: int, state: str = "open") -> ReminderView:
    part = {"order": None, "credit": None, "patient": "patient"}.get(rule, "amo")
    names = (f"{FINESS}/12/{part}", f"{FINESS}/13/{part}") if part else ("40e4cd3a:1", "<script>")
    found = (item(names[0], part, 123_456, 100), item(names[1], part, 700, 0))
    return ReminderView(
        id=UUID(int=1), rule=rule, level=level, payer=None, account=None, day=DAY, state=state, items=2, amount=Cents(124_156),  # type: ignore[arg-type]
        made_at=datetime.now(UTC), ended_at=None if state == "open" else datetime(2026, 11, 25, 23, 30, tzinfo=UTC), ended_by=None,
        why=None,
        list=found,
    )  # fmt: skip


@pytest.mark.parametrize("level", [1, 2, 3, 9])
@pytest.mark.parametrize("rule", get_args(Rule))
def test_each_letter_says_what_is_open_and_to_whom(rule: Rule, level: int) -> None:
    for form in letters.FORMS:
        text = letters.write(reminder(rule, level), form, FINESS, "CAISSE ESSAI", DAY)
        words = letters.words_of(rule, level)
        # A page writes an apostrophe in its own way.
        assert words.subject in text.replace("&#39;", "'") and f"Centre de santé {FINESS}" in text
        assert "1,00\u00a0€" in text and "7,00\u00a0€" not in text, "what is paid is not asked for"
        assert ("Madame, Monsieur" in text) == (words.to != "")
        assert ("À l'attention de" in text.replace("&#39;", "'")) == (words.to == "payer")
        assert "25/11/2026" in text and ("14/09/2026" in text) == (rule not in ("order", "credit"))


@pytest.mark.parametrize("form", letters.FORMS)
def test_what_was_sent_says_what_it_said_on_its_day(form: str) -> None:
    text = letters.write(reminder("order", 1, "sent"), form, FINESS, "CAISSE ESSAI", date(2027, 1, 1))
    assert "1\u202f234,56\u00a0€" in text and "1\u202f241,56\u00a0€" in text and "26/11/2026" in text
    assert ("<script>" in text) == (form == "txt")


def test_levels_above_the_last_have_its_words() -> None:
    assert letters.words_of("patient", 9) == letters.words_of("patient", 3) != letters.words_of("patient", 2)
