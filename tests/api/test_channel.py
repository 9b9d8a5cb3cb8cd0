# SPDX-License-Identifier: Apache-2.0
"""The channel of a workstation: who is let in, what ends it, and that every event is kept once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from api import channel
from api.keys import LIFE
from desmos_fast.agents import rules, wire
from desmos_fast.agents.authority import open_authority, read_request
from desmos_fast.agents.wire import Closing
from desmos_fast.base.settings import load
from desmos_fast.base.types import uuid7
from desmos_fast.db.secrets import found
from desmos_fast.db.tenant import direct
from readers.uplink import ShutOut
from readers.uplink_folder import Identity, new_key, request_for
from tests.agents.workstation import ATR, READER, FakeCards, happened
from tests.api.conftest import Desk
from tests.api.workstations import a_reader, enrolled, heard, line, proven, readers_of, running, say, until


def told(number: int, kind: str = "card_inserted", reader: str = READER) -> wire.EventTold:
    return wire.EventTold(number=number, kind=kind, at=datetime.now(UTC), reader=reader, atr=ATR)  # type: ignore[arg-type]


async def state(desk: Desk) -> str:
    return str((await desk.get("/v1/agents")).json["agents"][0]["state"])


async def numbers(desk: Desk) -> list[tuple[int, str]]:
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        rows = await con.fetch("SELECT number, reader FROM reader_event WHERE tenant_id = $1 ORDER BY seq", desk.tenant)
    return [(row["number"], row["reader"]) for row in rows]


async def resumed(ws: aiohttp.ClientWebSocketResponse, identity: Identity) -> int:
    """Prove who one is, and return which event the service has last."""
    welcome = await proven(ws, identity)
    assert isinstance(welcome, wire.Welcome)
    return welcome.received


async def test_an_agent_is_seen_with_its_readers_and_their_cards(desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    cards = FakeCards(happened("service_up", ""), happened("reader_added"), happened("card_inserted", atr=ATR))
    async with running(folder, cards):
        found = await until(lambda: readers_of(desk), lambda readers: bool(readers) and readers[0]["card"] == "inserted")
        assert await state(desk) == "online"
        assert (found[0]["name"], found[0]["desk"], found[0]["atr"], found[0]["online"]) == (READER, "Accueil 3", ATR, True)
        cards.queue.put_nowait(happened("card_removed", atr=ATR))
        found = await until(lambda: readers_of(desk), lambda readers: readers[0]["card"] == "none")
        cards.queue.put_nowait(happened("reader_removed"))
        await until(lambda: readers_of(desk), lambda readers: not readers[0]["online"])
    assert await until(lambda: state(desk), lambda found: found != "online") == "offline"
    (agent,) = (await desk.get("/v1/agents")).json["agents"]
    assert agent["version"] == "0.1.0" and agent["system"].startswith("Linux")


async def test_an_agent_that_starts_again_tells_of_its_readers_anew(desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    async with running(folder, FakeCards(happened("reader_added", "one"), happened("reader_added", "two"))):
        await until(lambda: readers_of(desk), lambda readers: len(readers) == 2)
    async with running(folder, FakeCards(happened("reader_added", "two"))):
        found = await until(lambda: readers_of(desk), lambda readers: [one["online"] for one in readers].count(True) == 1)
    assert {one["name"]: one["online"] for one in found} == {"one": False, "two": True}


# --- who is let in


async def test_a_proof_is_by_the_key_of_a_certificate_of_this_house(desk: Desk, tmp_path: Path) -> None:
    url, folder = desk.house.url, await enrolled(desk, tmp_path / "agent")
    known, stranger = folder.identity(), Identity(new_key(), folder.identity().certificate, *folder.identity()[2:])
    authority = found(load().data_dir, "agent_authority")
    assert authority is not None
    house_key: Any = load_pem_private_key(authority, None)
    of_house = x509.load_pem_x509_certificate(authority)
    unknown, other = new_key(), open_authority(tmp_path / "other")
    request, agent = read_request(request_for(unknown)), UUID(folder.service().agent)
    now, own = datetime.now(UTC), open_authority(load().data_dir)
    forged = [
        stranger,
        known._replace(certificate="nothing"),
        known._replace(certificate=other.issue(request, desk.tenant, agent, now).pem, key=unknown),
        known._replace(certificate=own.issue(request, desk.tenant, uuid7(), now).pem, key=unknown),
        known._replace(certificate=own.issue(request, desk.tenant, agent, now).pem, key=unknown),
        known._replace(certificate=own.issue(request, desk.tenant, agent, now - timedelta(days=31)).pem, key=unknown),
        known._replace(certificate=of_house.public_bytes(Encoding.PEM).decode(), key=house_key),
    ]
    assert of_house.subject == of_house.issuer
    for identity in forged:
        async with line(url) as ws:
            assert await proven(ws, identity) == Closing.UNPROVEN
    async with line(url) as ws:
        assert isinstance(await proven(ws, known), wire.Welcome)


async def test_a_proof_is_good_for_its_own_challenge_alone(desk: Desk, tmp_path: Path) -> None:
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as first, line(desk.house.url) as second:
        old, new = await heard(first), await heard(second)
        assert isinstance(old, wire.Challenge) and isinstance(new, wire.Challenge) and old.nonce != new.nonce and len(new.nonce) == 32
        replayed = wire.Proof(certificate=identity.certificate, signature=identity.prove(old.nonce), version="0.1.0")
        await say(second, replayed)
        assert await heard(second) == Closing.UNPROVEN
        await say(first, replayed)
        assert isinstance(await heard(first), wire.Welcome)


@pytest.mark.parametrize(
    ("said", "closing"),
    [("{}", Closing.MALFORMED), ('{"type":"events","events":[]}', Closing.MALFORMED), ('{"type":"renew","csr":""}', Closing.UNPROVEN)],
)
async def test_nothing_else_comes_before_the_proof(desk: Desk, said: str, closing: Closing) -> None:
    async with line(desk.house.url) as ws:
        await heard(ws)
        await ws.send_str(said)
        assert await heard(ws) == closing


async def test_who_proves_nothing_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "PROVE_S", 0.1)
    async with line(desk.house.url) as ws:
        await heard(ws)
        assert await heard(ws) == Closing.SLOW


async def test_no_page_of_a_browser_opens_a_channel(desk: Desk) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        async with line(desk.house.url, Origin=desk.house.url):
            pass


@pytest.mark.parametrize(
    ("version", "old"), [("0.0", True), ("0.0.99", True), ("0.1", False), ("0.1.0rc1", False), ("0.10", False), ("1.0", False)]
)
def test_a_version_is_older_or_it_is_not(version: str, old: bool) -> None:
    assert rules.is_too_old(version) is old


async def test_an_agent_that_is_too_old_is_told_so(desk: Desk, tmp_path: Path) -> None:
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as ws:
        assert await proven(ws, identity, "0.0.9") == Closing.TOO_OLD


# --- what ends it


async def test_a_block_ends_the_channel_at_once_in_whichever_process(desk: Desk, second: str, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent", second)
    async with running(folder, FakeCards(happened("reader_added"))) as agent:
        await a_reader(desk)
        began = asyncio.get_running_loop().time()
        assert (await desk.post(f"/v1/agents/{folder.service().agent}:block", b"")).status == 200
        with pytest.raises(ShutOut, match="blocked"):
            async with asyncio.timeout(2):
                await agent
        assert asyncio.get_running_loop().time() - began < 1
    assert await readers_of(desk) == []
    async with line(desk.house.url) as ws:
        assert await proven(ws, folder.identity()) == Closing.BLOCKED


async def test_a_block_that_nobody_tells_of_is_found_by_the_next_beat(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert channel.BEAT_S <= 30
    monkeypatch.setattr(channel, "BEAT_S", 0.2)
    folder = await enrolled(desk, tmp_path / "agent")
    async with line(desk.house.url) as ws:
        assert isinstance(await proven(ws, folder.identity()), wire.Welcome)
        async with direct(desk.house.owner_dsn) as con:
            await con.execute("UPDATE agent SET blocked_at = now(), blocked_by = 'x' WHERE tenant_id = $1", desk.tenant)
        assert await heard(ws) == Closing.BLOCKED


async def test_the_last_channel_of_an_agent_is_the_one_that_counts(desk: Desk, second: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(channel, "BEAT_S", 0.2)
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as first, line(second) as elsewhere, line(second) as last:
        for ws in (first, elsewhere, last):
            assert isinstance(await proven(ws, identity), wire.Welcome)
        assert [await heard(first), await heard(elsewhere)] == [Closing.REPLACED, Closing.REPLACED]
        await say(last, wire.Events(events=(told(1),)))
        assert await heard(last) == wire.Received(number=1)
        assert await state(desk) == "online"


async def test_channels_end_when_the_service_leaves(desk: Desk, tmp_path: Path) -> None:
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as ws:
        assert isinstance(await proven(ws, identity), wire.Welcome)
        desk.house.app[LIFE].leaving = True
        assert await heard(ws) == Closing.RESTART
    assert (await desk.house.send("GET", wire.PATH, {})).code == "stopping"


# --- events


async def test_events_are_kept_once_and_in_order(desk: Desk, tmp_path: Path) -> None:
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as ws:
        assert await resumed(ws, identity) == 0
        for first, last, number in ((1, 3, 3), (2, 5, 5), (1, 4, 5), (6, 6, 6)):
            await say(ws, wire.Events(events=tuple(told(one) for one in range(first, last + 1))))
            assert await heard(ws) == wire.Received(number=number)
    async with line(desk.house.url) as ws:
        assert await resumed(ws, identity) == 6
        await say(ws, wire.Events(events=(told(8),)))
        assert await heard(ws) == Closing.GAP
    assert [number for number, _ in await numbers(desk)] == [1, 2, 3, 4, 5, 6]


async def test_an_agent_has_no_readers_without_end(desk: Desk, tmp_path: Path) -> None:
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as ws:
        await proven(ws, identity)
        await say(ws, wire.Events(events=tuple(told(one, "reader_added", f"reader {one}") for one in range(1, 101))))
        assert await heard(ws) == wire.Received(number=100)
    assert len(await readers_of(desk)) == 64


async def test_events_of_long_ago_are_forgotten(desk: Desk, tmp_path: Path) -> None:
    identity = (await enrolled(desk, tmp_path / "agent")).identity()
    async with line(desk.house.url) as ws:
        await proven(ws, identity)
        await say(ws, wire.Events(events=(told(1), told(2))))
        await heard(ws)
    async with direct(desk.house.owner_dsn) as con:
        old = datetime.now(UTC) - timedelta(days=8)
        await con.execute("UPDATE reader_event SET received_at = $2 WHERE tenant_id = $1 AND number = 1", desk.tenant, old)
    async with line(desk.house.url) as ws:
        assert await resumed(ws, identity) == 2
    assert [number for number, _ in await numbers(desk)] == [2]


# --- certificates


async def test_a_certificate_is_renewed_and_the_old_one_ends_when_the_new_one_is_shown(desk: Desk, tmp_path: Path) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    old, first, second = folder.identity(), new_key(), new_key()
    renewed = []
    for key in (first, second):
        # An agent that lost the answer asks again with the certificate that it has.
        async with line(desk.house.url) as ws:
            assert isinstance(await proven(ws, old), wire.Welcome)
            await say(ws, wire.Renew(csr=request_for(key)))
            said = await heard(ws)
            assert isinstance(said, wire.Renewed)
            renewed.append(old._replace(key=key, certificate=said.certificate))
    async with line(desk.house.url) as ws:
        assert await proven(ws, renewed[0]) == Closing.UNPROVEN
    async with line(desk.house.url) as ws:
        assert isinstance(await proven(ws, renewed[1]), wire.Welcome)
    async with line(desk.house.url) as ws:
        assert await proven(ws, old) == Closing.UNPROVEN
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        assert await con.fetchval("SELECT count(*) FROM audit WHERE action = 'agent.renewed'") == 2


async def test_an_agent_renews_by_itself_at_two_thirds(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = await enrolled(desk, tmp_path / "agent")
    old = folder.identity()
    monkeypatch.setattr("readers.uplink.RENEW_LOOK_S", 0.05)
    moment = old.renew_at - timedelta(seconds=1)
    monkeypatch.setattr("readers.uplink.Uplink.__init__.__kwdefaults__", {"clock": lambda: moment})
    async with running(folder, FakeCards(happened("reader_added"))):
        await a_reader(desk)
        await asyncio.sleep(0.2)
        assert folder.identity().certificate == old.certificate
        moment = old.renew_at
        await until(lambda: asyncio.sleep(0, folder.identity()), lambda one: one.certificate != old.certificate)
        # It connects by the new one, and the old one is forgotten.
        async with direct(desk.house.owner_dsn) as con:
            await until(lambda: con.fetchval("SELECT former IS NULL FROM agent WHERE tenant_id = $1", desk.tenant), bool)
    assert folder.identity().key.private_numbers() != old.key.private_numbers()
