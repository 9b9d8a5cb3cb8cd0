# SPDX-License-Identifier: Apache-2.0
"""Workstations are let in by a code, once; are looked at; are shut out. Each step is in the trail."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from desmos_fast.db.secrets import put, secret
from desmos_fast.db.tenant import direct
from readers.uplink import NotEnrolled
from readers.uplink_folder import IDENTITY, new_key, request_for
from tests.api.conftest import Desk, House, Reply
from tests.api.test_centre_commands import home, run
from tests.api.workstations import enrolled, new_code

__all__ = ("home",)
pytestmark = pytest.mark.usefixtures("nobody_tried")


async def ask(house: House, code: str, csr: str | None = None) -> Reply:
    body = orjson.dumps({"code": code, "csr": request_for(new_key()) if csr is None else csr})
    return await house.send("POST", "/v1/agents:enrol", {}, body)


async def trail(desk: Desk) -> list[tuple[str, str, str]]:
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        rows = await con.fetch("SELECT actor, action, subject FROM audit WHERE action LIKE 'agent.%' ORDER BY seq")
    return [(row["actor"], row["action"], row["subject"]) for row in rows]


async def test_a_code_lets_one_workstation_in_and_the_trail_says_so(desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent", name="Accueil 3")
    service, identity = folder.service(), folder.identity()
    (one,) = (await desk.get("/v1/agents")).json["agents"]
    assert (one["id"], one["desk"], one["kind"], one["state"], one["seen_at"]) == (service.agent, "Accueil 3", "test", "enrolled", None)
    made = x509.load_pem_x509_certificate(identity.certificate.encode())
    assert made.subject.rfc4514_string() == f"CN={service.agent},O={desk.tenant}"
    left = made.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert abs(identity.renew_at - made.not_valid_before_utc - timedelta(days=20)) < timedelta(seconds=1)
    assert stat.S_IMODE((folder.path / IDENTITY).stat().st_mode) == 0o600 and stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    keys = (await desk.get("/v1/keys")).json["keys"]
    acts = await trail(desk)
    assert [(actor, action) for actor, action, _ in acts] == [(keys[0]["id"], "agent.code"), (service.agent, "agent.enrolled")]
    assert acts[1][2] == service.agent


async def test_a_code_that_lets_nobody_in_does_not_say_why(house: House, desk: Desk) -> None:
    used, late = await new_code(desk), await new_code(desk)
    assert (await ask(house, used)).status == 201
    async with direct(house.owner_dsn) as con:
        await con.execute("UPDATE agent_code SET ends_at = now() - interval '1 s' WHERE tenant_id = $1 AND used_at IS NULL", desk.tenant)
    answers = [await ask(house, code) for code in (used, late, "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ", "x", "")]
    assert {(one.status, one.code) for one in answers} == {(403, "enrolment_refused")}
    assert len({orjson.dumps(one.json | {"instance": ""}) for one in answers}) == 1
    assert len((await desk.get("/v1/agents")).json["agents"]) == 1


async def test_a_code_may_be_typed_as_people_type(house: House, desk: Desk) -> None:
    code = await new_code(desk)
    assert (await ask(house, f"  {code.lower().replace('-', ' ')} ")).status == 201


async def test_a_code_lets_one_in_however_many_come_at_once(house: House, desk: Desk) -> None:
    code = await new_code(desk)
    replies = await asyncio.gather(*(ask(house, code) for _ in range(5)))
    assert sorted(one.status for one in replies) == [201, 403, 403, 403, 403]
    assert len((await desk.get("/v1/agents")).json["agents"]) == 1


async def test_tries_of_one_place_are_limited(house: House, desk: Desk, tmp_path: Path) -> None:
    for _ in range(10):
        assert (await ask(house, "no")).status == 403
    late = await ask(house, await new_code(desk))
    assert (late.status, late.code) == (429, "enrolment_limited") and 0 < int(late.headers["Retry-After"]) <= 60
    with pytest.raises(NotEnrolled, match="too many tries"):
        await enrolled(desk, tmp_path / "agent")


def _rsa() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return (
        x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    )


def _curve() -> str:
    return request_for(ec.generate_private_key(ec.SECP384R1()))


def _of_another_key() -> str:
    der = bytearray(x509.load_pem_x509_csr(request_for(new_key()).encode()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("made", [_rsa, _curve, _of_another_key, lambda: "nothing", lambda: ""])
async def test_only_a_sound_request_for_a_certificate_is_signed(house: House, desk: Desk, made: Any) -> None:
    code = await new_code(desk)
    assert (await ask(house, code, made())).code == "agent_refused"
    # It is refused before the code is looked at, so the code is still good.
    assert (await ask(house, code)).status == 201


async def test_the_code_is_in_one_answer_only(house: House, desk: Desk) -> None:
    first = await desk.post("/v1/agents/codes", {"desk": "Accueil"}, key="one")
    again = await desk.post("/v1/agents/codes", {"desk": "Accueil"}, key="one")
    assert again.json == first.json | {"code": None}
    async with direct(house.owner_dsn, desk.tenant) as con:
        stored = await con.fetch("SELECT convert_from(body, 'UTF8') FROM idempotency UNION ALL SELECT hash::text FROM agent_code")
    assert first.json["code"] not in str(stored)


@pytest.mark.parametrize("body", [{}, {"desk": ""}, {"desk": " "}, {"desk": "x" * 101}, {"desk": "a\nb"}, {"desk": "2550899999012 83"}])
async def test_a_desk_has_a_name_that_can_be_shown(desk: Desk, body: object) -> None:
    assert (await desk.post("/v1/agents/codes", body)).code == "agent_refused"


async def test_kinds_and_centres_are_apart(house: House, desk: Desk, tmp_path: Path) -> None:
    name = (await enrolled(desk, tmp_path / "agent")).service().agent
    other, live = await house.desk(), await house.desk("live")
    for stranger in (other, live):
        assert (await stranger.get("/v1/agents")).json["agents"] == []
        assert (await stranger.post(f"/v1/agents/{name}:block", b"")).status == 404
    assert (await desk.post(f"/v1/agents/{uuid7()}:block", b"")).status == 404
    assert (await desk.get("/v1/agents")).json["agents"][0]["state"] == "enrolled"


async def test_who_is_blocked_stays_so(house: House, desk: Desk, tmp_path: Path) -> None:
    name = (await enrolled(desk, tmp_path / "agent")).service().agent
    first = (await desk.post(f"/v1/agents/{name}:block", b"")).json
    again = (await desk.post(f"/v1/agents/{name}:block", b"")).json
    assert first["state"] == "blocked" and again == first
    assert [action for _, action, _ in await trail(desk)] == ["agent.code", "agent.enrolled", "agent.blocked"]


async def test_agents_are_listed_in_pages(house: House, desk: Desk, tmp_path: Path) -> None:
    names = [(await enrolled(desk, tmp_path / str(rank))).service().agent for rank in range(3)]
    first = (await desk.get("/v1/agents?limit=2")).json
    rest = (await desk.get(f"/v1/agents?limit=2&cursor={first['next']}")).json
    assert [one["id"] for one in first["agents"] + rest["agents"]] == names[::-1] and rest["next"] is None


async def test_an_operator_does_it_on_the_command_line(house: House, desk: Desk, home: Path) -> None:
    # The command and the service are of one house.
    put(home, "api_keys", secret(load(), "api_keys"))
    status, out, errors = await run(desk, home, "agents", "code", "Accueil 9", "--kind", "test")
    assert status == 0, errors
    reply = await ask(house, out.strip())
    assert reply.status == 201 and reply.json["desk"] == "Accueil 9"
    status, out, _ = await run(desk, home, "agents", "list")
    assert (status, len(out.splitlines())) == (0, 1) and reply.json["id"] in out and "Accueil 9" in out
    assert (await run(desk, home, "agents", "block", reply.json["id"]))[:2] == (0, f"{reply.json['id']} is blocked\n")
    assert orjson.loads((await run(desk, home, "agents", "list", "--json"))[1])[0]["state"] == "blocked"
    assert [actor for actor, _, _ in await trail(desk)] == ["operator", reply.json["id"], "operator"]
