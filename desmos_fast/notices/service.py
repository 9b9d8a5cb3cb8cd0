# SPDX-License-Identifier: Apache-2.0
"""People of a centre are written down to be told by mail of its anomalies, and are told within a minute."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import msgspec
import structlog

from desmos_fast.anomalies.model import AnomalyShown, Notifier
from desmos_fast.base.clock import Clock
from desmos_fast.base.errors import NotThere
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.notices import rules, store
from desmos_fast.notices.model import (
    MOST_CONTACTS,
    Contact,
    ContactKnown,
    ContactList,
    ContactRefused,
    MailFailed,
    MailMissing,
    Person,
    TooManyContacts,
)
from desmos_fast.notices.sender import Letter, Mailer
from monitoring import metrics

log: Final = structlog.get_logger("desmos.notices")


def read_person(body: bytes) -> Person:
    """Read who is to be told. Raises ContactRefused, which repeats nothing of it."""
    try:
        person = msgspec.json.decode(body, type=Person)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContactRefused(
            'the body is {"name": "…", "email": "a@b.example", "kinds": ["file_dead", …]}', hint="leave kinds out to tell of all"
        ) from error
    # Both stand in a mail: a name with a line end would write one more of its head.
    if not person.name.isprintable() or not person.name.strip() or mask_nir(person.name) != person.name:
        raise ContactRefused("name is what a person is called, in printable characters")
    return person


async def add(con: Connection, context: Context, person: Person) -> Contact:
    """Write somebody down to be told. Raises ContactKnown, TooManyContacts."""
    await store.hold(con, context.tenant)
    count, known = await store.count(con, context.tenant, person.email)
    if known:
        raise ContactKnown("this address is told already", hint="end that contact first, to change what it is told")
    if count >= MOST_CONTACTS:
        raise TooManyContacts(f"the centre has {MOST_CONTACTS} contacts", hint="end one that is not needed")
    name = uuid7()
    await store.add(con, context.tenant, name, context.finess, person, context.now)
    await journal.record(con, context.tenant, context.now, [Event("contact.added", name)], by=context.actor)
    kinds = [kind.value for kind in person.kinds]
    return Contact(id=name, name=person.name, email=person.email, kinds=kinds, created_at=context.now)


async def show(con: Connection, context: Context, *, mail: bool) -> ContactList:
    """Return those who are told; `mail` says whether there is a mail server."""
    return ContactList(await store.find_all(con, context.tenant), mail)


async def end(con: Connection, context: Context, name: UUID) -> None:
    """Tell somebody nothing more. Raises NotThere."""
    if not await store.end(con, context.tenant, name):
        raise NotThere("the centre has no such contact")
    await journal.record(con, context.tenant, context.now, [Event("contact.ended", name)], by=context.actor)


async def trial(con: Connection, context: Context, name: UUID, mailer: Mailer | None) -> Contact:
    """Mail somebody that mails arrive. Raises NotThere, MailMissing, MailFailed."""
    found = [one for one in await store.find_all(con, context.tenant) if one.id == name]
    if not found:
        raise NotThere("the centre has no such contact")
    if mailer is None:
        raise MailMissing("no mail server is set", hint="write its file and name it in DESMOS_MAIL")
    (failure,) = await mailer.send([Letter(found[0].email, rules.trial(context.finess, found[0].name), f"trial-{uuid7()}")])
    if failure is not None:
        raise MailFailed(f"the mail was not taken: {failure}", hint="check the address")
    return found[0]


class MailNotifier:
    """Mails the anomalies of a centre to each of its contacts, once to each; a contact whose mail fails holds back no other.

    What was said to whom is kept apart from what the caller holds: a mail that left is not taken back.
    """

    def __init__(self, pool: Pool, mailer: Mailer, clock: Clock) -> None:
        self.pool, self.mailer, self.clock = pool, mailer, clock

    async def tell(self, tenant: TenantId, anomalies: Sequence[AnomalyShown]) -> None:
        """Tell everybody who was not told yet. Raises MailFailed when one of them could not be."""
        async with transaction(self.pool, tenant) as con:
            contacts = await store.find_all(con, tenant)
            already = await store.already(con, tenant, [one.id for one in anomalies])
            finess = await store.finess(con, tenant) if contacts else ""
        due = [(contact, news) for contact in contacts if (news := _news(contact, anomalies, already))]
        if not due:
            return
        letters = [Letter(one.email, rules.notice(finess, one.name, news), f"{one.id}.{news[0].id}.{len(news)}") for one, news in due]
        failures = await self.mailer.send(letters)
        async with transaction(self.pool, tenant) as con:
            for (contact, news), failure in zip(due, failures, strict=True):
                metrics.notices.labels("mailed" if failure is None else "failed").inc()
                if failure is None:
                    await store.told(con, tenant, contact.id, [one.id for one in news], self.clock())
                else:
                    log.warning("a contact could not be told, trying again", contact=str(contact.id), error=failure)
        if any(failures):
            raise MailFailed("a contact could not be told", hint="check the address: desmos-fast contacts list")


def _news(contact: Contact, anomalies: Sequence[AnomalyShown], already: Collection[tuple[UUID, UUID]]) -> list[AnomalyShown]:
    asked = (one for one in anomalies if not contact.kinds or one.kind in contact.kinds)
    return [one for one in asked if (contact.id, one.id) not in already]


class Notifiers:
    """Tells through several ways; each is asked, whatever becomes of the others."""

    def __init__(self, *ways: Notifier) -> None:
        self.ways = ways

    async def tell(self, tenant: TenantId, anomalies: Sequence[AnomalyShown]) -> None:
        """Tell through every way. Raises ExceptionGroup of what they raise."""
        told = await asyncio.gather(*(way.tell(tenant, anomalies) for way in self.ways), return_exceptions=True)
        failed = [one for one in told if isinstance(one, Exception)]
        if failed:
            raise ExceptionGroup("not told by every way", failed)
