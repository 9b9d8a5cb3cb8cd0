# SPDX-License-Identifier: Apache-2.0
"""Synthetic and real people are never in one centre; a body that says a field twice is not guessed at."""

import pytest

from api.keys import KEYS
from desmos_fast.base.types import KeyKind
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from tests.api.conftest import Desk, House, Reply
from tests.api.test_invoices import REAL_FORM


async def other_kind(desk: Desk, kind: KeyKind) -> Desk:
    async with direct(desk.house.owner_dsn) as con:
        key = await identity.new_key(con, desk.finess, kind, pepper=desk.house.app[KEYS].pepper)
    return Desk(desk.house, desk.tenant, desk.finess, key)


async def sign(desk: Desk, way: str, **changes: str) -> Reply:
    body = desk.invoice(**changes)
    return await desk.post(f"/v1/invoices{way}", body)


@pytest.mark.parametrize("way", ["", ":batch", ":stream"])
async def test_a_centre_with_test_data_takes_no_real_ones(desk: Desk, way: str) -> None:
    live = await other_kind(desk, "live")
    assert (await sign(desk, "")).status == 201
    refused = await sign(live, way, insured_nir=REAL_FORM)
    assert "other_data" in refused.body.decode()
    assert await desk.count("invoice") == 1
    built = await live.post("/v1/lots:build", {})
    assert (built.status, built.code, await desk.count("lot")) == (409, "other_data", 0)
    assert (await sign(desk, "")).status == 201
    assert (await desk.post("/v1/lots:build", {})).status == 200


async def test_a_live_centre_takes_no_test_data(house: House) -> None:
    live = await house.desk("live")
    test = await other_kind(live, "test")
    assert (await sign(live, "", insured_nir=REAL_FORM)).status == 201
    refused = await sign(test, "")
    assert (refused.status, refused.code) == (409, "other_data")
    assert refused.json["title_fr"] == "Ce centre contient des données de l'autre type (essai ou réel)"
    assert await live.count("invoice") == 1


async def test_what_is_refused_or_tried_says_nothing_of_the_kind(desk: Desk) -> None:
    live = await other_kind(desk, "live")
    assert (await desk.post("/v1/invoices?validate_only=true", desk.invoice())).status == 200
    assert (await desk.post("/v1/invoices", desk.invoice(biller="000000000"))).status == 422
    assert (await desk.post("/v1/lots:build", {})).status == 200
    assert (await sign(live, "", insured_nir=REAL_FORM)).status == 201


async def test_what_a_test_key_was_answered_is_no_answer_to_a_live_one(desk: Desk) -> None:
    live = await other_kind(desk, "live")
    made = await desk.post("/v1/keys", {"roles": ["biller"], "label": "Accueil"}, key="accueil")
    assert (made.status, made.json["kind"]) == (201, "test")
    again = await live.post("/v1/keys", {"roles": ["biller"], "label": "Accueil"}, key="accueil")
    assert (again.status, again.code) == (422, "idempotency_key_reused")
    body = desk.invoice()
    for way in ("", ":batch"):
        signed = await desk.post(f"/v1/invoices{way}", body, key="one")
        assert signed.status in (200, 201)
        refused = await live.post(f"/v1/invoices{way}", body, key="one")
        assert (refused.status, refused.code) == (422, "idempotency_key_reused")
        repeated = await desk.post(f"/v1/invoices{way}", body, key="one")
        assert (repeated.body, repeated.headers["Idempotency-Replayed"]) == (signed.body, "true")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/keys", b'{"roles":["biller"],"roles":["admin"]}'),
        ("/v1/decisions", b'{"kind":"write_off","kind":"undo"}'),
        ("/v1/contacts", b'{"name":"A","email":"a@b.example","email":"c@d.example"}'),
        ("/v1/invoices", b'{"number":1,"number":2}'),
        ("/v1/lots:build", b' {"routing":{"a":1,"a":2}}'),
    ],
)
async def test_a_field_that_stands_twice_is_refused(desk: Desk, path: str, body: bytes) -> None:
    before = await desk.count("api_key")
    reply = await desk.post(path, body)
    assert reply.status in (400, 422) and reply.status != 500
    assert await desk.count("api_key") == before and await desk.count("contact") == 0
    if path != "/v1/invoices":
        assert (reply.status, reply.code) == (400, "not_json")
