# SPDX-License-Identifier: Apache-2.0
"""Entity tags, limits in headers, and routes that are to end."""

import asyncio
import re
from typing import Any

import pytest

from api import ending, middlewares
from api.conditions import CONDITION
from api.contract.document import describe
from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, Reply

PLAN: dict[str, Any] = {"at": ["12:30"]}


async def get(desk: Desk, path: str, **headers: str) -> Reply:
    return await desk.house.send("GET", path, {"Authorization": f"Bearer {desk.key}", **headers})


async def put(desk: Desk, path: str, body: bytes, **headers: str) -> Reply:
    told = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": headers.pop("key", None) or str(uuid7())}
    return await desk.house.send("PUT", path, told | {name.replace("_", "-"): value for name, value in headers.items()}, body)


async def schedule(desk: Desk, at: str, **headers: str) -> Reply:
    return await put(desk, "/v1/schedule", b'{"at":["%b"]}' % at.encode(), **headers)


async def test_what_the_caller_has_is_not_sent_again(desk: Desk) -> None:
    first = await get(desk, "/v1/webhooks")
    tag = first.headers["ETag"]
    for given in (tag, f'"other", {tag}', "*", f"W/{tag}"):
        again = await get(desk, "/v1/webhooks", **{"If-None-Match": given})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["X-Request-Id"] and again.headers["Cache-Control"] == "no-store"
    assert (await get(desk, "/v1/webhooks", **{"If-None-Match": '"other"'})).status == 200
    # What is asked for is another representation, and what changed too.
    assert (await get(desk, "/v1/webhooks?fields=webhooks.id", **{"If-None-Match": tag})).status == 304, "both are an empty list"
    await schedule(desk, "12:30")
    before = (await get(desk, "/v1/schedule")).headers["ETag"]
    await schedule(desk, "12:45")
    assert (await get(desk, "/v1/schedule", **{"If-None-Match": before})).status == 200


async def test_a_compressed_answer_has_a_tag_of_its_own_that_means_the_same(desk: Desk) -> None:
    for number in range(16):
        await desk.post("/v1/webhooks", {"url": f"https://example.org/{'a' * 90}/{number}"})
    plain = await get(desk, "/v1/webhooks", **{"Accept-Encoding": "identity"})
    assert len(plain.body) > 2048
    small = await get(desk, "/v1/webhooks", **{"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip" and small.headers["ETag"] == plain.headers["ETag"][:-1] + '-gz"'
    assert (await get(desk, "/v1/webhooks", **{"If-None-Match": small.headers["ETag"]})).status == 304


async def test_a_refusal_has_no_tag(desk: Desk) -> None:
    reply = await get(desk, "/v1/schedule", **{"If-None-Match": "*"})
    assert reply.status == 404 and "ETag" not in reply.headers


async def test_what_somebody_changed_meanwhile_is_not_set_over(desk: Desk) -> None:
    """If-Match holds until the write is done: of two that read the same, one is told."""
    assert (await schedule(desk, "09:00", If_Match="*")).code == "precondition_failed", "nothing is there"
    assert (await schedule(desk, "09:00", If_None_Match="*")).status == 200
    assert (await schedule(desk, "09:30", If_None_Match="*")).code == "precondition_failed"
    seen = (await get(desk, "/v1/schedule")).headers["ETag"]
    stale = await schedule(desk, "10:00", If_Match='"other"')
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert (await schedule(desk, "10:00", If_Match=f"W/{seen}")).code == "precondition_failed", "a weak tag is not the same bytes"
    both = await asyncio.gather(*(schedule(desk, f"1{hour}:00", If_Match=f'"x", {seen}') for hour in range(6)))
    assert sorted(reply.status for reply in both) == [200, 412, 412, 412, 412, 412]
    (won,) = [reply for reply in both if reply.status == 200]
    assert (await get(desk, "/v1/schedule")).json["at"] == won.json["at"]


async def test_the_same_key_is_answered_again_whatever_is_there_by_now(desk: Desk) -> None:
    await schedule(desk, "09:00")
    seen = (await get(desk, "/v1/schedule")).headers["ETag"]
    first = await schedule(desk, "10:00", If_Match=seen, key="a")
    again = await schedule(desk, "10:00", If_Match=seen, key="a")
    assert (first.status, again.status, again.headers["Idempotency-Replayed"], again.body) == (200, 200, "true", first.body)
    assert (await schedule(desk, "11:00", If_Match=seen)).status == 412


async def test_a_trial_tells_of_a_change_too(desk: Desk) -> None:
    whole = await get(desk, "/v1/matching/settings")
    body = b'{"early_days":3}'
    assert whole.status == 200, whole.body
    refused = await put(desk, "/v1/matching/settings?validate_only=true", body, If_Match='"other"')
    assert (refused.status, refused.code) == (412, "precondition_failed")


async def test_what_has_no_tag_takes_no_condition(desk: Desk) -> None:
    made = await desk.post("/v1/webhooks", {"url": "https://example.org/"})
    for path in (f"/v1/webhooks/{made.json['id']}:replay?from=2026-01-01T00:00:00Z", "/v1/invoices", "/v1/invoices:batch", "/v1/quotes"):
        for name in ("If-Match", "If-None-Match"):
            reply = await desk.post(path, b"", **{name: '"a"'})
            assert (reply.status, reply.code) == (400, "bad_request"), path


@pytest.mark.parametrize("given", ["", "a", '"a', '"a" "b"', 'w/"a"', "*, *", '"a",', '*, "a"', '"é"'])
async def test_a_condition_that_is_none_is_refused(desk: Desk, given: str) -> None:
    for name in ("If-Match", "If-None-Match"):
        headers = {"Authorization": f"Bearer {desk.key}", name: given}
        read = await desk.house.send("GET", "/v1/matching/settings", headers)
        written = await desk.house.send("PUT", "/v1/matching/settings", headers | {"Idempotency-Key": str(uuid7())}, b"{}")
        assert [(one.status, one.code) for one in (read, written)] == [(400, "bad_request")] * 2
        # What leads nowhere says that, whatever it comes with.
        assert (await desk.house.send("PATCH", "/v1/matching/settings", headers)).status == 405
        assert (await desk.house.send("POST", "/v1/nothing", headers)).status == 404
    assert re.search(CONDITION, given) is None


@pytest.mark.parametrize("given", ['"a"', 'W/"a"', '""', '"a", "b" ,W/"c"', "*", '"!#~"'])
async def test_a_condition_is_one_tag_or_several_or_any(desk: Desk, given: str) -> None:
    headers = {"Authorization": f"Bearer {desk.key}", "If-None-Match": given}
    assert (await desk.house.send("GET", "/v1/matching/settings", headers)).status == (304 if given == "*" else 200)
    assert re.search(CONDITION, given)


async def test_limits_are_told_that_are_there(desk: Desk) -> None:
    slots = desk.house.pool.get_max_size() // 2
    reply = await schedule(desk, "12:30")
    assert reply.headers["RateLimit-Policy"] == f'"writes";q={slots};qu="concurrent-requests"'
    assert reply.headers["RateLimit"] == f'"writes";r={slots}'
    # One that is held by somebody is one less.
    from api.keys import SHARES

    async with desk.house.app[SHARES].slot(desk.tenant):
        assert (await desk.post("/v1/webhooks", {"url": "x"})).headers["RateLimit"] == f'"writes";r={slots - 1}'
        other = await desk.house.desk()
        assert (await other.post("/v1/webhooks", {"url": "x"})).headers["RateLimit"] == f'"writes";r={slots}'
    looked = await desk.get("/v1/decisions")
    assert looked.headers["RateLimit-Policy"].startswith('"look-ups-hour";q=') and "RateLimit" not in looked.headers
    assert "RateLimit-Policy" not in (await desk.get("/v1/dashboard")).headers
    assert "RateLimit-Policy" not in (await desk.house.send("GET", "/v1/dashboard", {})).headers


TABLE = """method,route,deprecated,sunset,link
GET,/v1/dashboard,2026-01-15,2027-01-15,https://example.org/instead
GET,/v1/webhooks,2026-01-15,,
"""


async def test_a_route_that_is_to_end_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    table = ending.read(TABLE.splitlines())
    monkeypatch.setattr(middlewares, "ENDING", table)
    headers = (await desk.get("/v1/dashboard")).headers
    assert headers["Deprecation"] == "@1768435200"
    assert headers["Sunset"] == "Fri, 15 Jan 2027 00:00:00 GMT"
    assert headers["Link"] == '<https://example.org/instead>; rel="deprecation"; type="text/html"'
    # A refusal says it too, and what stays says nothing.
    assert (await desk.house.send("GET", "/v1/dashboard", {})).headers["Deprecation"] == "@1768435200"
    assert "Sunset" not in (await desk.get("/v1/webhooks")).headers
    assert "Deprecation" not in (await desk.get("/v1/keys")).headers


def test_the_description_marks_what_is_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.contract.document.ENDING", ending.read(TABLE.splitlines()))
    paths = describe({("GET", "/v1/dashboard"): "", ("GET", "/v1/keys"): ""})["paths"]
    assert paths["/v1/dashboard"]["get"]["deprecated"] is True and "deprecated" not in paths["/v1/keys"]["get"]
    assert {"Deprecation", "Sunset", "Link"} <= set(paths["/v1/dashboard"]["get"]["responses"]["200"]["headers"])


def test_an_end_before_its_notice_is_a_mistake_of_the_table() -> None:
    with pytest.raises(OurBug, match="before"):
        ending.read(["method,route,deprecated,sunset,link", "GET,/a,2026-02-01,2026-01-01,"])


async def test_an_id_that_could_be_something_else_is_not_taken_over(desk: Desk) -> None:
    for given, taken in (("a-1.b:2_c", True), ("x" * 129, False), ("a b", False), ("a\tb", False), ("1850799999901", False), ("é", False)):
        reply = await desk.house.send("GET", "/livez", {"X-Request-Id": given})
        assert (reply.headers["X-Request-Id"] == given) is taken
