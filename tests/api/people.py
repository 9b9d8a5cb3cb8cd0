# SPDX-License-Identifier: Apache-2.0
"""People of a centre in tests: made with a key, with a password of their own, signed in."""

import asyncio
import dataclasses
import itertools
import time
from pathlib import Path
from typing import Any, Final

import orjson
import pyotp
import pytest

from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk, House, Reply

PASSWORD: Final = "vif-argent sur 7 collines"
NEW: Final = "cinq tambours rouillent"
CHEAP: Final = "[argon2]\nmemory_kib = 19456\npasses = 1\nlanes = 1\n"
# All tests come from one address.
PATIENT: Final = "[lock_out]\naddress = {free = 1000000, first_s = 60, longest_s = 900}\n"
_LOGINS: Final = itertools.count(1)


def set_policy(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """Have the next application ask this of people, with passwords that cost little."""
    path = folder / "identity.toml"
    path.write_text(CHEAP + ("" if "[lock_out]" in lines else PATIENT) + "\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("DESMOS_IDENTITY", str(path))


def login() -> str:
    """Make a login that no other test has."""
    return f"personne.{next(_LOGINS)}@centre.example"


async def send(desk: Desk, path: str, body: object, **headers: str) -> Reply:
    """Post without any key."""
    return await desk.house.send("POST", path, headers, orjson.dumps(body))


async def add(desk: Desk, *roles: str, name: str = "Camille Durand") -> dict[str, Any]:
    """Make a user, who has no password yet."""
    reply = await desk.post("/v1/users", {"login": login(), "name": name, "roles": roles})
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


async def with_password(desk: Desk, *roles: str) -> dict[str, Any]:
    """Make a user with a password."""
    user = await add(desk, *roles)
    reply = await send(desk, "/v1/passwords", {"login": user["login"], "code": user["code"], "password": PASSWORD})
    assert reply.status == 204, reply.body
    return user


async def sign_in(desk: Desk, user: dict[str, Any], password: str = PASSWORD, /, **more: object) -> Reply:
    """Try to sign in."""
    return await send(desk, "/v1/sessions", {"login": user["login"], "password": password, **more})


async def signed_in(desk: Desk, *roles: str) -> tuple[Desk, dict[str, Any]]:
    """Make a user and sign in; return the desk at which they sit."""
    user = await with_password(desk, *roles)
    return await seat(desk, user), user


async def seat(desk: Desk, user: dict[str, Any], **more: object) -> Desk:
    """Sign in, and return the desk of the new session."""
    reply = await sign_in(desk, user, **more)
    assert reply.status == 201, reply.body
    return dataclasses.replace(desk, key=reply.json["token"])


async def ask(seat: Desk, method: str, path: str, body: object = None) -> Reply:
    """Ask as who is signed in, without an Idempotency-Key."""
    sent = None if body is None else orjson.dumps(body)
    return await seat.house.send(method, path, {"Authorization": f"Bearer {seat.key}"}, sent)


class Generator:
    """A code generator; each code is one of a step not given before, within what is accepted."""

    def __init__(self, secret: str) -> None:
        self.totp = pyotp.TOTP(secret)

    def code(self, now: float, steps: int = 0) -> str:
        """Return the code of an instant, or of some steps away."""
        return self.totp.generate_otp(int(now) // 30 + steps)


async def enrolled(seat: Desk, now: float) -> tuple[Generator, list[str]]:
    """Enrol a code generator with the code of the step before; return it and the recovery codes."""
    begun = await ask(seat, "POST", "/v1/me/totp")
    assert begun.status == 200, begun.body
    generator = Generator(begun.json["secret"])
    confirmed = await ask(seat, "POST", "/v1/me/totp:confirm", {"code": generator.code(now, -1)})
    assert confirmed.status == 200, confirmed.body
    return generator, confirmed.json["codes"]


async def moment() -> float:
    """Return an instant after which the codes of a generator stay the same for some seconds."""
    if time.time() % 30 > 23:
        await asyncio.sleep(31 - time.time() % 30)
    return time.time()


async def sql(house: House, statement: str, *values: object) -> Any:
    """Do what only the owner of the database may."""
    async with direct(house.owner_dsn) as con:
        return await con.execute(statement, *values)
