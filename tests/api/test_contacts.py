# SPDX-License-Identifier: Apache-2.0
"""People of a centre are told by mail, by name, within a minute, and once."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import Found, Kind
from desmos_fast.anomalies.service import LogNotifier
from desmos_fast.base.clock import system_clock
from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import transaction
from desmos_fast.lots.follow.jobs import Watch
from desmos_fast.notices.model import MailInvalid
from desmos_fast.notices.reading import open_mailer
from desmos_fast.notices.rules import WORDS
from desmos_fast.notices.service import MailNotifier, Notifiers
from tests.api.conftest import Desk
from tests.api.mailroom import Mailroom, open_mailroom
from tests.api.post import rows
from tests.api.worker import start
from tests.lots.transports.authority import Authority

pytestmark = pytest.mark.usefixtures("empty_queue")
ANNE = {"name": "Anne Essai", "email": "anne@centre.example"}
BRUNO = {"name": "Bruno Essai", "email": "bruno@centre.example", "kinds": ["file_dead"]}


@pytest.fixture
def room() -> Mailroom:
    return Mailroom()


@pytest.fixture
async def mail(room: Mailroom, tmp_path: Path) -> AsyncIterator[Path]:
    """Give the file that describes a mail server that runs."""
    authority = Authority(tmp_path)
    async with open_mailroom(room, authority.pair("mail")) as port:
        path = tmp_path / "mail.toml"
        path.write_text(f'host = "127.0.0.1"\nport = {port}\nsender = "alertes@centre.example"\nca_file = "{authority.file}"\n')
        yield path


async def note(desk: Desk, *kinds: Kind) -> None:
    async with transaction(desk.house.pool, desk.tenant) as con:
        await anomalies.note(con, desk.tenant, system_clock(), [Found(kind, uuid7(), trace=uuid7()) for kind in kinds], by="worker")


def watch(desk: Desk, mail: Path) -> Watch:
    mailer = open_mailer(mail)
    assert mailer is not None
    return Watch(desk.house.pool, system_clock, Notifiers(LogNotifier(), MailNotifier(desk.house.pool, mailer, system_clock)))


async def add(desk: Desk, person: dict[str, Any]) -> str:
    reply = await desk.post("/v1/contacts", person)
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


async def untold(desk: Desk) -> int:
    return sum(one["told_at"] is None for one in (await desk.get("/v1/anomalies")).json["anomalies"])


async def test_each_is_told_once_of_what_is_theirs(desk: Desk, room: Mailroom, mail: Path) -> None:
    await add(desk, ANNE)
    await add(desk, BRUNO)
    stranger = await desk.house.desk()
    await add(stranger, {"name": "Chloé Essai", "email": "chloe@autre.example"})
    await note(desk, Kind.FILE_DEAD, Kind.SEND_LATE)
    looking = watch(desk, mail)
    for _ in range(3):
        await looking.look()
    (anne,), (bruno,) = room.to("anne@centre.example"), room.to("bruno@centre.example")
    assert len(room.messages) == 2, "nobody of another centre"
    assert anne["Subject"] == f"Centre {desk.finess} : 2 anomalies"
    assert bruno["Subject"] == f"Centre {desk.finess} : Un fichier n'a pas pu être remis"
    text = anne.get_content()
    assert text.startswith("Bonjour Anne Essai,")
    shown = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert all(one["id"] in text and one["trace"] in text for one in shown) and all(
        WORDS[Kind(one["kind"])].action in text for one in shown
    )
    assert (anne["From"], anne["Auto-Submitted"]) == ("alertes@centre.example", "auto-generated")
    assert await untold(desk) == 0
    listed = (await desk.get("/v1/contacts")).json
    assert [one["told_at"] is not None for one in listed["contacts"]] == [True, True]


async def test_an_address_that_is_refused_holds_back_no_other_and_is_tried_again(desk: Desk, room: Mailroom, mail: Path) -> None:
    await add(desk, BRUNO)
    await add(desk, ANNE)
    room.refused = {"bruno@centre.example"}
    await note(desk, Kind.FILE_DEAD)
    looking = watch(desk, mail)
    for _ in range(2):
        await looking.look()
    assert (len(room.to("anne@centre.example")), await untold(desk)) == (1, 1)
    room.refused = set()
    await looking.look()
    assert (len(room.to("anne@centre.example")), len(room.to("bruno@centre.example")), await untold(desk)) == (1, 1, 0)


async def test_a_mail_server_that_is_busy_or_away_is_tried_again(desk: Desk, room: Mailroom, mail: Path, tmp_path: Path) -> None:
    await add(desk, ANNE)
    await note(desk, Kind.FILE_DEAD)
    away = tmp_path / "away.toml"
    away.write_text('host = "127.0.0.1"\nport = 9\nsender = "alertes@centre.example"\n')
    await watch(desk, away).look()
    room.busy = True
    await watch(desk, mail).look()
    assert (room.messages, await untold(desk)) == ([], 1)
    room.busy = False
    await watch(desk, mail).look()
    assert (len(room.messages), await untold(desk)) == (1, 0)


async def test_a_worker_mails_within_a_minute(desk: Desk, room: Mailroom, mail: Path, tmp_path: Path) -> None:
    await add(desk, ANNE)
    child = start(desk, tmp_path / "home", "worker", DESMOS_MAIL=str(mail))
    try:
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline) == b"desmos-fast worker is ready\n"
        await note(desk, Kind.FILE_DEAD)
        noticed = time.monotonic()
        while not room.messages:
            assert time.monotonic() - noticed < 60
            await asyncio.sleep(0.1)
    finally:
        child.send_signal(signal.SIGTERM)
        await asyncio.to_thread(child.communicate, timeout=40)
    assert child.returncode == 0


# --- who is told


async def test_contacts_are_added_listed_ended(desk: Desk) -> None:
    name = await add(desk, ANNE)
    again = await desk.post("/v1/contacts", ANNE | {"email": "ANNE@centre.example"})
    assert (again.status, again.code) == (409, "contact_known")
    listed = (await desk.get("/v1/contacts")).json
    assert listed["mail"] is False
    assert [(one["id"], one["name"], one["kinds"], one["told_at"]) for one in listed["contacts"]] == [(name, "Anne Essai", [], None)]
    ended = await desk.house.send(
        "DELETE", f"/v1/contacts/{name}", {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
    )
    assert ended.status == 204
    assert (await desk.get("/v1/contacts")).json["contacts"] == []
    assert await add(desk, ANNE) != name, "who came back is told again"
    async with rows(desk) as con:
        told = [row["name"] for row in await con.fetch("SELECT name FROM event WHERE name LIKE 'contact.%' ORDER BY id")]
    assert told == ["contact.added", "contact.ended", "contact.added"]


@pytest.mark.parametrize(
    "person",
    [
        {"name": "Anne"},
        ANNE | {"email": "nowhere"},
        ANNE | {"email": "a@b.example\r\nBcc: c@d.example"},
        ANNE | {"name": "Anne\r\nBcc: c@d.example"},
        ANNE | {"name": "  "},
        ANNE | {"name": "255089999901262"},
        ANNE | {"kinds": ["other"]},
        ANNE | {"phone": "1"},
    ],
)
async def test_what_cannot_be_a_contact_is_refused(desk: Desk, person: dict[str, Any]) -> None:
    reply = await desk.post("/v1/contacts", person)
    assert (reply.status, reply.code) == (422, "contact_refused")
    assert b"Bcc" not in reply.body and b"99999" not in reply.body
    assert await desk.count("contact") == 0


async def test_a_trial_without_a_mail_server_says_what_to_do(desk: Desk) -> None:
    name = await add(desk, ANNE)
    reply = await desk.post(f"/v1/contacts/{name}:test", b"")
    assert (reply.status, reply.code) == (422, "mail_missing")
    assert (await desk.post(f"/v1/contacts/{uuid7()}:test", b"")).status == 404


# --- the file of the mail server


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('sender = "a@b.example"', "mail.host"),
        ('host = "h"\nsender = "nobody"', "mail.sender"),
        ('host = "h"\nsender = "a@b.example"\ntls = "none"', "mail.tls"),
        ('host = "h"\nsender = "a@b.example"\nuser = "u"', "mail.user"),
        ('host = "h"\nsender = "a@b.example"\npassword = "s3cret"', "mail.password"),
        ("host =", None),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_key(tmp_path: Path, text: str, field: str | None) -> None:
    path = tmp_path / "mail.toml"
    path.write_text(text)
    with pytest.raises(MailInvalid) as told:
        open_mailer(path)
    assert field in [one.field for one in told.value.faults]
    assert "s3cret" not in str(told.value)


def test_every_kind_of_anomaly_has_its_words() -> None:
    assert WORDS.keys() == set(Kind)
