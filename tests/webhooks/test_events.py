# SPDX-License-Identifier: Apache-2.0
"""A webhook may ask for what happens and for nothing else: the names are those of the code, wherever it lets something happen."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest

from desmos_fast.settlement.correcting.closing import BECOMES
from desmos_fast.settlement.decisions.model import Kind
from desmos_fast.settlement.posting import EVENTS as OF_STATES
from desmos_fast.webhooks import rules
from desmos_fast.webhooks.events import EVENTS
from desmos_fast.webhooks.model import Subscription, WebhookRefused

ROOT: Final = Path(__file__).parents[2]
# Where a name is not written as such: which names each place makes.
MADE: Final = {
    ("billing/service.py", "name"): {"invoice.priced", "invoice.signed"},
    ("incidents/service.py", "f'incident.{event}'"): {
        f"incident.{one}" for one in ("acknowledged", "attributed", "cancelled", "declared", "degraded", "restored")
    },
    ("lots/follow/service.py", "f'file.{state}'"): {"file.acknowledged", "file.dead"},
    ("lots/schedule/service.py", "name"): {"schedule.failed", "schedule.ran"},
    ("returns/service.py", "f'ack.{says}'"): {"ack.accepted", "ack.refused"},
    ("settlement/correcting/closing.py", "event"): {f"share.{state}" for state in BECOMES.values()},
    ("settlement/decisions/store.py", "f'decision.{kind}'"): {f"decision.{kind}" for kind in get_args(Kind)},
    ("settlement/desk/service.py", "event"): {"payment.attached", "payment.received", "payment.refunded", "payment.unpaid"},
    ("settlement/dunning/reminders/service.py", "f'reminder.{state}'"): {"reminder.cancelled", "reminder.sent"},
    ("settlement/posting.py", "name"): set(OF_STATES.values()),
    ("settlement/taught/service.py", "name"): {"label.forgotten", "label.taught", "matching.set"},
    ("webhooks/service.py", "DEAD"): {"webhook.dead"},
}


def places() -> Iterator[tuple[str, ast.expr]]:
    """Give each place of the code that makes an event, and what it names it."""
    for path in sorted((ROOT / "desmos_fast").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Event", "journal.Event") and node.args:
                yield str(path.relative_to(ROOT / "desmos_fast")), node.args[0]


def test_the_names_are_those_of_all_that_happens() -> None:
    written, made = set(), set()
    for path, name in places():
        if isinstance(name, ast.Constant):
            written.add(name.value)
        else:
            made.add((path, ast.unparse(name)))
    assert made == set(MADE), "say which names a new place makes"
    assert written.union(*MADE.values()) == EVENTS
    page = (ROOT / "docs/reference/api-webhooks.md").read_text(encoding="utf-8")
    assert [name for name in EVENTS if f"`{name}`" not in page] == []


def test_names_that_no_event_has_are_told_by_their_places() -> None:
    rules.check(Subscription("https://example.org/", tuple(EVENTS)[: rules.MOST_EVENTS]))
    with pytest.raises(WebhookRefused) as caught:
        rules.check(Subscription("https://example.org/", ("file.sent", "file.sented", "2 55 08 99 999 012 27")))
    assert [(fault.code, fault.field, fault.value) for fault in caught.value.faults] == [
        ("unknown_event", "events[1]", "file.sented"), ("unknown_event", "events[2]", None)
    ]  # fmt: skip
    assert "file.sent, file" not in caught.value.detail and all(name in caught.value.hint for name in EVENTS)
