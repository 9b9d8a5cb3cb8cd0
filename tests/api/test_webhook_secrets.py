# SPDX-License-Identifier: Apache-2.0
"""The secret of a webhook changes while it is told: for a while both sign, then the new one alone; and single events are told again."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from desmos_fast.base.types import uuid7
from desmos_fast.db.journal import Event
from desmos_fast.db.tenant import direct
from desmos_fast.webhooks.sender import Poster
from tests.api.conftest import Desk, Reply
from tests.api.receiver import Receiver, receiving
from tests.api.test_webhooks import deliver, happen, standing, subscribe
from tests.lots.transports.authority import Authority
from tests.oracle.standard_webhooks import NotVerified, verified

pytestmark = pytest.mark.usefixtures("empty_queue")


@pytest.fixture(autouse=True)
def any_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESMOS_WEBHOOK_HOSTS", "any")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("keys"))


@pytest.fixture
async def receiver(authority: Authority) -> AsyncIterator[Receiver]:
    async with receiving(authority) as running:
        yield running


async def rotate(desk: Desk, webhook: str, body: object = b"", key: str | None = None) -> Reply:
    return await desk.post(f"/v1/webhooks/{webhook}:rotate", body, key)


async def told(desk: Desk, receiver: Receiver, authority: Authority, *secrets: str) -> list[bool]:
    """Let one thing be told, and say for each secret whether the receiver takes it."""
    await happen(desk, Event("file.sent", uuid7()))
    await deliver(desk, authority)
    body, headers = receiver.raw[-1]
    found = []
    for secret in secrets:
        try:
            verified(secret, headers, body, now_s=int(datetime.now(UTC).timestamp()))
            found.append(True)
        except NotVerified:
            found.append(False)
    return found


async def pass_time(desk: Desk, seconds: float) -> None:
    """Let every end of a secret come nearer."""
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        earlier = timedelta(seconds=seconds)
        await con.execute("UPDATE webhook SET sealed_until = sealed_until - $1::interval", earlier)
        await con.execute("UPDATE webhook_secret SET ends_at = ends_at - $1::interval", earlier)


async def test_both_secrets_sign_until_the_overlap_ends(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    made = await subscribe(desk, receiver.url, "file.sent")
    first = made["secret"]
    assert (await standing(desk))["former_secret_until"] is None
    reply = await rotate(desk, made["id"], {"overlap_s": 3600})
    assert reply.status == 200, reply.body
    second = reply.json["secret"]
    assert (await standing(desk))["former_secret_until"] == reply.json["former_secret_until"]
    assert await told(desk, receiver, authority, first, second) == [True, True]
    assert len(receiver.raw[-1][1]["webhook-signature"].split(" ")) == 2
    # A third one: the first ends at once, no more than two sign.
    third = (await rotate(desk, made["id"])).json["secret"]
    assert await told(desk, receiver, authority, first, second, third) == [False, True, True]
    await pass_time(desk, 86_401)
    assert await told(desk, receiver, authority, first, second, third) == [False, False, True]
    assert (await standing(desk))["former_secret_until"] is None
    # At once, for one that was lost.
    fourth = (await rotate(desk, made["id"], {"overlap_s": 0})).json["secret"]
    assert await told(desk, receiver, authority, third, fourth) == [False, True]


async def test_a_secret_is_in_the_first_answer_alone_and_in_no_row(desk: Desk, receiver: Receiver) -> None:
    made = await subscribe(desk, receiver.url)
    key = str(uuid7())
    secret = (await rotate(desk, made["id"], key=key)).json["secret"]
    again = await rotate(desk, made["id"], key=key)
    assert again.json["secret"] is None and again.headers["Idempotency-Replayed"] == "true"
    assert await desk.count("webhook_secret") == 1
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        kept = await con.fetchval("SELECT sealed FROM webhook_secret")
        answers = b"".join(row["body"] for row in await con.fetch("SELECT body FROM idempotency"))
    assert secret.encode() not in kept and secret.encode() not in answers


@pytest.mark.parametrize("body", [{"overlap_s": -1}, {"overlap_s": 604_801}, {"overlap": 1}, {"overlap_s": "1"}, b"["])
async def test_an_overlap_that_cannot_be_is_refused(desk: Desk, receiver: Receiver, body: object) -> None:
    made = await subscribe(desk, receiver.url)
    reply = await rotate(desk, made["id"], body)
    assert (reply.status, reply.code) == (422, "webhook_refused")
    assert await desk.count("webhook_secret") == 0


async def test_another_centre_changes_no_secret(desk: Desk, receiver: Receiver) -> None:
    made = await subscribe(desk, receiver.url)
    reply = await rotate(await desk.house.desk(), made["id"])
    assert (reply.status, reply.code) == (404, "not_found")


async def test_one_event_or_a_time_is_told_again(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    made = await subscribe(desk, receiver.url, "file.sent")
    happened = [Event("file.sent", uuid7()) for _ in range(3)]
    for event in happened:
        await happen(desk, event)
    await happen(desk, Event("file.dead", uuid7()))
    await deliver(desk, authority)
    first = [message for message, _ in receiver.seen]
    assert [message["subject"] for message in first] == [str(event.subject) for event in happened]
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        unasked = await con.fetchval("SELECT id FROM event WHERE name = 'file.dead'")
    path = f"/v1/webhooks/{made['id']}:replay"
    assert (await desk.post(f"{path}?event={first[1]['id']}", b"")).json == {"queued": 1}
    assert (await desk.post(f"{path}?event={unasked}", b"")).code == "not_found"
    assert (await desk.post(f"{path}?event={uuid7()}", b"")).code == "not_found"
    to = first[2]["at"].replace("+00:00", "Z")
    assert (await desk.post(f"{path}?from=2020-01-01T00:00:00Z&to={to}", b"")).json == {"queued": 2}
    await deliver(desk, authority)
    again = [message["id"] for message, _ in receiver.seen[3:]]
    assert sorted(again) == sorted([first[1]["id"], first[0]["id"], first[1]["id"]])
    for query in ("", "?event=x", f"?event={first[1]['id']}&from=2020-01-01T00:00:00Z", "?to=2020-01-01T00:00:00Z", "?from=x"):
        assert (await desk.post(path + query, b"")).code == "bad_parameter"


async def test_what_one_receiver_sets_as_a_cookie_is_sent_to_no_other(authority: Authority) -> None:
    heard: list[str | None] = []

    async def take(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Cookie"))
        return web.Response(status=204, headers={"Set-Cookie": f"of={request.path[1:]}; Path=/"})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.pair("named")[2:])
    app = web.Application()
    app.router.add_post("/{centre}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    trust = ssl.create_default_context(cafile=str(authority.file))
    trust.check_hostname = False
    async with Poster("any", trust=trust) as poster:
        for centre in ("one", "other"):
            assert (await poster.post(f"https://localhost:{runner.addresses[0][1]}/{centre}", b"{}", {})).delivered
    await runner.cleanup()
    assert heard == [None, None]
