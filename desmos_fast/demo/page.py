# SPDX-License-Identifier: Apache-2.0
"""The plain page of a day: one file, no network, for the people of the centre."""

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from desmos_fast.base import french
from desmos_fast.demo import labels
from desmos_fast.demo.model import Stage, Summary

TEMPLATE: Final = "page.html.jinja"


def permille(cents: int, most: int) -> int:
    """Return the length of a bar in thousandths of the longest one; nothing is drawn below zero."""
    return max(cents, 0) * 1000 // most if most > 0 else 0


def rate(stage: Stage) -> str:
    """Return how many a second, blank where that says nothing."""
    return french.whole(round(stage.count / stage.seconds)) if stage.count > 1 and stage.seconds >= 0.01 else ""


def render(day: Summary) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=PackageLoader("desmos_fast.demo", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(euros=french.euros, whole=french.whole, counted=labels.counted, seconds=labels.seconds, jour=french.day)
    environment.globals.update(permille=permille, rate=rate, word=labels.word, reason=labels.reason, words=labels)
    billed, announced, received = (sum(getattr(payer, name) for payer in day.payers) for name in ("expected", "announced", "received"))
    amounts = [getattr(payer, name) for payer in day.payers for name in ("expected", "announced", "received")]
    return environment.get_template(TEMPLATE).render(
        day=day, billed=billed, announced=announced, received=received,
        most=max(billed, announced, received), largest=max(amounts, default=0),
        negative=any(payer.announced < payer.received for payer in day.payers),
    )
