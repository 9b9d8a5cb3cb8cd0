# SPDX-License-Identifier: Apache-2.0
"""Bodies in other letters than UTF-8, as programs of before send accents: refused, and no mistake of ours."""

import itertools
from pathlib import Path

import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.identity.rights import OPEN, PERSONAL, RULES
from tests.api.conftest import Desk, House
from tests.api.people import ask, set_policy, signed_in

# In a value, and in a name, which is looked at by whoever takes no such value.
LATIN = tuple(text.encode("latin-1") for text in ('{"login":"é","password":"hélène-hush"}', '{"mot de passé":"hush"}'))


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_policy(monkeypatch, tmp_path, "[totp]", "required = []")


def path_of(route: str) -> str:
    """Return a path of a route that leads to nothing that is there."""
    return route.replace("{id}", str(uuid7())).replace("{part}", "amo").replace("{name}", "x")


async def test_no_route_breaks_on_them(desk: Desk) -> None:
    writes = [(method, route) for method, route in RULES if method in ("POST", "PUT") and (method, route) not in PERSONAL]
    broken = []
    for method, route in writes:
        for body in LATIN:
            sent = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7()), "Origin": desk.house.url}
            if (await desk.house.send(method, path_of(route), sent, body)).status >= 500:
                broken.append((method, route, body))
    assert broken == []


async def test_nobody_signs_in_with_them(house: House, desk: Desk) -> None:
    for (method, route), body in itertools.product(OPEN, LATIN):
        if method == "POST":
            reply = await house.send(method, route, {}, body)
            assert 400 <= reply.status < 500 and b"hush" not in reply.body, (route, reply.body)
    clerk, _ = await signed_in(desk, "biller")
    for path, body in itertools.product(("/v1/me/password", "/v1/me/totp:confirm"), LATIN):
        assert (await house.send("POST", path, {"Authorization": f"Bearer {clerk.key}"}, body)).code == "sign_in_form"
    assert (await ask(clerk, "GET", "/v1/me")).status == 200
