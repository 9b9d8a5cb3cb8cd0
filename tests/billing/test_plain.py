# SPDX-License-Identifier: Apache-2.0
"""The straight way of one invoice and the way of many say the same, whatever comes; and the straight one is taken where it can be."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from desmos_fast.base.types import TenantId
from desmos_fast.billing import intake, service
from desmos_fast.billing.intake import Terms
from desmos_fast.db.keyring import Keyring
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from tests.billing.pricing.packs import SHIPPED, SMALL
from tests.billing.pricing.visits import C2S, MUTUAL, ccam, ngap, visit
from tests.billing.visits import SYNTHETIC
from tests.fuzz.replay import changed
from tests.generators.draw import Draw, seeded
from tests.generators.pricing_invoices import Menu, invoice

FINESS = "750000010"
TENANT = TenantId(UUID(int=7))
KEYS = Keyring(b"k" * 32).of(TENANT)
CALLER = Caller(tenant=TENANT, finess=FINESS, kind="test", key_id=UUID(int=1))
NOW = datetime(2026, 11, 26, 7, tzinfo=UTC)
CONTEXT = Context(CALLER, KEYS, NOW)
PACKS = (SHIPPED, SMALL)
AMOUNTS = ("unit_price", "base", "rate", "amo", "fees", "amc")
BILLER, NIR = re.compile(rb'("biller":")[0-9]{9}'), re.compile(rb"(?<=nir\":\")[0-9]{15}")
Said = bytes | list[Fault]


def said(body: bytes, terms: Terms) -> Said:
    """Return the quote of a body as it is sent, or what it is refused for."""
    try:
        return msgspec.json.encode(service.quote(CONTEXT, body, terms))
    except FaultyInput as error:
        return error.faults


def around(body: bytes, terms: Terms) -> Said:
    """Return the same by the way of many: what stands on several lines cannot go straight."""
    spread = msgspec.json.format(body, indent=1)
    assert intake.plain(CONTEXT, spread, terms) is None
    return said(spread, terms)


def on_day(place: int) -> date | None:
    return date(2023, 10, 14) if place % 5 == 0 else None


def made(d: Draw, menu: Menu) -> bytes:
    """Return an invoice that a pack may price, most often one that it does, with some of its amounts and perhaps a number."""
    found = msgspec.to_builtins(invoice(d, menu))
    found["biller"] = FINESS
    if d.below(4):
        plain = msgspec.to_builtins(visit(amc=d.pick((MUTUAL, C2S, None))))
        found |= {name: plain[name] for name in ("insured_nir", "beneficiary", "amo", "amc")}
        found |= {"accident": None, "referring_doctor": None, "third_party": d.pick(("full", "amo", "none"))}
        found["acts"] = [act | {"quantity": 1, "qualifier": "", "exemption": "", "coefficient": 100} for act in found["acts"]]
    if d.below(3):
        del found["number"]
    for act in found["acts"]:
        for name in AMOUNTS:
            if act[name] is None and d.below(2):
                del act[name]
    return msgspec.json.encode(found)


def generated() -> Iterator[tuple[bytes, Terms]]:
    menus = [Menu(pack) for pack in PACKS]
    for seed in range(600):
        d = seeded(seed)
        place = d.below(len(PACKS))
        yield made(d, menus[place]), Terms(PACKS[place], d.below(2) == 0, on_day(seed))


def damaged() -> Iterator[tuple[bytes, Terms]]:
    for place, data in enumerate(changed("invoices", 500)):
        for line in data.split(b"\n")[:2]:
            ours = NIR.sub(SYNTHETIC.encode(), BILLER.sub(rb"\g<1>%b" % FINESS.encode(), line))
            yield ours, Terms(SHIPPED, True, on_day(place))


def proposing() -> Iterator[tuple[bytes, Terms]]:
    """Give dental acts outside the basket without rest to pay, some beside acts of which nothing is to be proposed."""
    for seed in range(100):
        d = seeded(seed)
        crown = ccam("HBLD403", "PFC", unit_price=12000, fees=d.pick((80000, 50000)), teeth=(d.pick(("11", "26", "36")),))
        other: Any = ngap("C", executor=crown.executor)
        acts = [d.pick((crown, other)) for _ in range(1 + d.below(3))]
        found = msgspec.to_builtins(visit(*acts, amc=d.pick((MUTUAL, None)), third_party=d.pick(("full", "amo", "none"))))
        del found["number"]
        yield msgspec.json.encode(found), Terms(SHIPPED, True, on_day(seed))


@pytest.mark.parametrize(("source", "least"), [(generated, 60), (damaged, 20), (proposing, 60)])
def test_both_ways_say_the_same(source: Callable[[], Iterator[tuple[bytes, Terms]]], least: int) -> None:
    kinds: Counter[str] = Counter()
    for body, terms in source():
        straight = said(body, terms)
        try:
            assert straight == around(body, terms), body
        except msgspec.DecodeError:
            assert [fault.code for fault in straight if isinstance(fault, Fault)] == ["B2_BAD_JSON"], body
        is_plain = isinstance(straight, bytes) and b"\n" not in body
        assert (intake.plain(CONTEXT, body, terms) is not None) == is_plain, body
        kinds["quoted" if is_plain else "refused"] += 1
        kinds["proposed"] += isinstance(straight, bytes) and b'"alternative":{' in straight
    assert kinds["quoted"] >= least
    assert source is proposing or kinds["refused"] >= least
    assert source is not proposing or kinds["proposed"] >= least // 2


SOUND = msgspec.json.encode(msgspec.to_builtins(visit(ngap(unit_price=3000, base=3000, rate=70, amo=2100, fees=3000, amc=900))))


@pytest.mark.parametrize(
    "body",
    [
        SOUND.replace(b'"number":1', b'"number":1,"number":1'),
        SOUND.replace(b'"rank":0', b'"rank":0,"rank":0'),
        SOUND.replace(b'"amc":900', b'"amc":901'),
        SOUND.replace(b'"number":1', b'"number":0'),
        SOUND.replace(b'"number":1', b'"number":1234567890'),
        SOUND.replace(FINESS.encode(), b"750000028"),
        SOUND.replace(b'"condition":"S"', b'"condition":"?"'),
        SOUND + SOUND,
        SOUND[:-1],
        b"",
        b" ",
        b"null",
    ],
)
def test_what_is_wrong_does_not_go_straight(body: bytes) -> None:
    terms = Terms(SHIPPED, True)
    assert intake.plain(CONTEXT, SOUND, terms) is not None
    assert intake.plain(CONTEXT, body, terms) is None
    assert isinstance(said(body, terms), list) and said(body, terms)


def test_an_amount_that_was_found_must_fit_its_field() -> None:
    found = msgspec.to_builtins(visit(ngap(quantity=99, coefficient=999_999)))
    for name in AMOUNTS:
        del found["acts"][0][name]
    body, terms = msgspec.json.encode(found), Terms(SHIPPED, True)
    assert intake.plain(CONTEXT, body, terms) is None
    faults = said(body, terms)
    assert isinstance(faults, list) and {fault.code for fault in faults} == {"B2_OVERFLOW"}


def test_bodies_on_one_line_are_read_as_others_are() -> None:
    """Each is told by its place, whatever the others are."""
    terms = Terms(SHIPPED, True)
    wrong = SOUND.replace(b'"amc":900', b'"amc":901')
    spread = msgspec.json.format(SOUND, indent=1)
    for bodies in ([SOUND, wrong, SOUND], [SOUND, spread, wrong], [SOUND, b"{", wrong], [wrong, SOUND + SOUND], [SOUND, b"", wrong]):
        checked = intake.each(CONTEXT, bodies, terms, 5)
        again = intake.each(CONTEXT, [msgspec.json.format(body, indent=1) if body not in (b"{", b"", SOUND + SOUND) else body
                                      for body in bodies], terms, 5)  # fmt: skip
        assert (checked.entries, checked.faults) == (again.entries, again.faults)
        told = {fault.line for fault in checked.faults}
        assert told == {place for place, body in enumerate(bodies, 5) if body not in (SOUND, spread)} | {
            # A number that another one of them has.
            place for place, body in enumerate(bodies, 5) if body in (SOUND, spread) and place > 5 + bodies.index(SOUND)
        }  # fmt: skip
