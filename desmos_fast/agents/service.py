# SPDX-License-Identifier: Apache-2.0
"""Let agents in, know them again, shut them out; keep what their readers tell."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import msgspec

from desmos_fast.agents import rules, store
from desmos_fast.agents.authority import Authority, Issued, check_proof, read_request
from desmos_fast.agents.model import (
    Agent,
    AgentAway,
    AgentPage,
    AgentReport,
    ChannelOver,
    CodeAsked,
    CodeMade,
    EnrolmentRefused,
    Known,
    Reader,
    ReaderAway,
    ReaderEvent,
    ReaderPage,
    TicketMade,
)
from desmos_fast.agents.tickets import LIFE as TICKET_LIFE
from desmos_fast.agents.tickets import Ticket, Use
from desmos_fast.agents.wire import Closing, EnrolAsked, Enrolled, EventTold, Examined, FindingTold, Proof
from desmos_fast.base.errors import NotThere
from desmos_fast.base.types import KeyKind, TenantId, uuid7
from desmos_fast.db import numbers
from desmos_fast.db.health import bare
from desmos_fast.db.pool import Connection, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.audit import service as audit
from desmos_fast.identity.audit.model import Access
from desmos_fast.identity.context import Context
from desmos_fast.identity.hashing import hash_key
from monitoring import metrics

MOST_READERS: Final = 64
KEPT: Final = timedelta(days=7)
_REFUSED: Final = "the code is unknown, was used, or its time is over"


# --- enrolment


async def make_code(con: Connection, context: Context, asked: CodeAsked, kind: KeyKind, pepper: bytes) -> CodeMade:
    """Make a code that lets one agent in, and return it for the only time. Raises AgentRefused."""
    rules.check_desk(asked.desk)
    code = rules.new_code()
    made = CodeMade(id=uuid7(), desk=asked.desk, kind=kind, ends_at=context.now + rules.CODE_LIFE, code=code)
    hashed = hash_key(pepper, rules.plain_code(code) or "")
    await store.add_code(con, context.tenant, made.id, kind, made.desk, hashed, context.now, context.actor, made.ends_at)
    await _trace(con, context.tenant, context.now, context.actor, "agent.code", made.id, f"desk={made.desk}&kind={kind}")
    return made


async def enrol(pool: Pool, asked: EnrolAsked, authority: Authority, pepper: bytes, now: datetime) -> Enrolled:
    """Let an agent in that comes with a code. Raises AgentRefused, EnrolmentRefused, DatabaseDown."""
    csr = read_request(asked.csr)
    code = rules.plain_code(asked.code)
    async with bare(pool) as con:
        found = None if code is None else await store.find_code(con, hash_key(pepper, code), now)
    if found is None:
        raise EnrolmentRefused(_REFUSED, hint="ask an administrator of the centre for another one")
    tenant, name = TenantId(found[0]), uuid7()
    async with transaction(pool, tenant) as con:
        used = await store.use_code(con, tenant, found[1], now)
        if used is None:
            raise EnrolmentRefused(_REFUSED, hint="ask an administrator of the centre for another one")
        issued = authority.issue(csr, tenant, name, now)
        await store.add(con, tenant, name, used.kind, used.desk, now, issued.serial, issued.ends_at)
        await _trace(con, tenant, now, str(name), "agent.enrolled", name, f"code={used.id}&desk={used.desk}&serial={issued.serial}")
    return Enrolled(id=name, desk=used.desk, certificate=issued.pem, ends_at=issued.ends_at)


async def renew(pool: Pool, known: Known, csr: str, authority: Authority, now: datetime) -> Issued:
    """Give an agent a certificate for another key, in a channel that the one it has proved.

    That one is good until the new one is shown. Raises AgentRefused, ChannelOver, DatabaseDown.
    """
    request = read_request(csr)
    async with transaction(pool, known.tenant) as con:
        await _mine(con, known)
        issued = authority.issue(request, known.tenant, known.id, now)
        await store.renew(con, known.tenant, known.id, known.serial, issued.serial, issued.ends_at)
        await _trace(con, known.tenant, now, str(known.id), "agent.renewed", known.id, f"serial={issued.serial}")
    return issued


async def block(con: Connection, context: Context, name: UUID, kind: KeyKind | None) -> Agent:
    """Shut an agent out for good; whoever holds its channel ends it. One that is blocked stays so. Raises NotThere."""
    row = await store.lock(con, context.tenant, name)
    if row is None or kind not in (None, row["kind"]):
        raise NotThere("the centre has no such agent")
    if row["blocked_at"] is None:
        await store.block(con, context.tenant, name, context.now, context.actor)
        await _trace(con, context.tenant, context.now, context.actor, "agent.blocked", name, "")
        row = await store.lock(con, context.tenant, name) or row
    return _agent(row, context.now)


async def resign(pool: Pool, known: Known, now: datetime) -> None:
    """Shut an agent out for good that asks for it itself, as it is about to be wiped. Raises ChannelOver, DatabaseDown."""
    async with transaction(pool, known.tenant) as con:
        await _mine(con, known)
        await store.block(con, known.tenant, known.id, now, str(known.id))
        await _trace(con, known.tenant, now, str(known.id), "agent.resigned", known.id, "")


async def listed(
    con: Connection, context: Context, kind: KeyKind | None, before: UUID | None, limit: int, cursor: Callable[[UUID], str]
) -> AgentPage:
    """Return one page of the agents of a centre, the last enrolled first."""
    rows = await store.listed(con, context.tenant, kind, before, limit + 1)
    page = [_agent(row, context.now) for row in rows[:limit]]
    return AgentPage(page, cursor(page[-1].id) if len(rows) > limit else None)


def _agent(row: store.Row, now: datetime) -> Agent:
    state = rules.state_of(now, row["blocked_at"] is not None, row["ends_at"], row["seen_at"], row["channel"] is not None)
    fields = ("id", "kind", "desk", "version", "system", "enrolled_at", "ends_at", "seen_at", "blocked_at")
    return Agent(state=state, **{name: row[name] for name in fields})


async def _trace(con: Connection, tenant: UUID, now: datetime, by: str, action: str, subject: UUID, told: str) -> None:
    await audit.append(con, tenant, [Access(now, by, action, str(subject), filter=told)])


# --- a channel


async def prove(pool: Pool, proof: Proof, nonce: bytes, authority: Authority, now: datetime) -> Known:
    """Return which agent proves itself, whose channel this is from now on. Raises ChannelOver, DatabaseDown."""
    shown = authority.read(proof.certificate, now)
    check_proof(shown, nonce, proof.signature)
    if rules.is_too_old(proof.version):
        oldest = ".".join(map(str, rules.OLDEST))
        raise ChannelOver(Closing.TOO_OLD, f"this service needs version {oldest} of the agent or later")
    channel = uuid7()
    async with transaction(pool, shown.tenant) as con:
        row = await store.lock(con, shown.tenant, shown.agent)
        if row is None or shown.serial not in (row["serial"], row["former"]):
            raise ChannelOver(Closing.UNPROVEN, "the certificate was replaced: enrol the workstation again")
        if row["blocked_at"] is not None:
            raise ChannelOver(Closing.BLOCKED, "the agent is blocked")
        await store.connect(con, shown.tenant, shown.agent, channel, now, proof.version, proof.system, shown.serial)
        await store.forget_events(con, now - KEPT)
    return Known(
        tenant=shown.tenant, id=shown.agent, kind=row["kind"], channel=channel, serial=shown.serial, ends_at=shown.ends_at,
        received=row["received"],
    )  # fmt: skip


async def beat(pool: Pool, known: Known, now: datetime) -> None:
    """Note that an agent is connected. Raises ChannelOver when it may be so no more, DatabaseDown."""
    if known.ends_at <= now:
        raise ChannelOver(Closing.UNPROVEN, "the certificate has ended")
    async with transaction(pool, known.tenant) as con:
        if not await store.beat(con, known.tenant, known.id, known.channel, now):
            await _mine(con, known)


async def leave(pool: Pool, known: Known) -> None:
    """Note that a channel ended. Raises DatabaseDown."""
    async with transaction(pool, known.tenant) as con:
        await store.leave(con, known.tenant, known.id, known.channel)


async def accept(pool: Pool, known: Known, told: tuple[EventTold, ...], now: datetime) -> tuple[int, bool]:
    """Keep what is new of some events; return the number of the last that is kept, and whether any was new.

    Raises ChannelOver where one is missing, DatabaseDown.
    """
    async with transaction(pool, known.tenant) as con:
        row = await _mine(con, known)
        new = rules.fresh(told, row["received"])
        if not new:
            return row["received"], False
        begun, found = rules.slots(new)
        if begun:
            await store.clear_readers(con, known.tenant, known.id, now)
        room = MOST_READERS - await store.count_readers(con, known.tenant, known.id)
        for name, slot in sorted(found.items()):
            reader = uuid5(known.id, name)
            known_already = await store.reader(con, known.tenant, reader) is not None
            if known_already or room > 0:
                room -= not known_already
                await store.put_reader(con, known.tenant, reader, known.id, name, *slot, now)
        first = await numbers.take(con, known.tenant, "reader_event", "", len(new))
        await store.add_events(con, known.tenant, known.id, first, new, now)
    for one in new:
        metrics.agent_events.labels(one.kind).inc()
    return new[-1].number, True


async def _mine(con: Connection, known: Known) -> store.Row:
    """Return the agent's row, held, while the channel is the agent's. Raises ChannelOver."""
    row = await store.lock(con, known.tenant, known.id)
    if row is None or row["blocked_at"] is not None:
        raise ChannelOver(Closing.BLOCKED, "the agent is blocked")
    if row["channel"] != known.channel:
        raise ChannelOver(Closing.REPLACED, "the agent is connected by another channel")
    return row


# --- readers


async def readers(con: Connection, context: Context, after: UUID | None, limit: int, cursor: Callable[[UUID], str]) -> ReaderPage:
    """Return one page of the readers of a centre, of agents of the kind that asks."""
    rows = await store.readers(con, context.tenant, context.kind, after, limit + 1)
    page = [
        Reader(
            id=row["id"], agent=row["agent_id"], desk=row["desk"], name=row["name"], online=_online(row, context.now), card=row["card"],
            atr=row["atr"], changed_at=row["changed_at"],
        )
        for row in rows[:limit]
    ]  # fmt: skip
    return ReaderPage(page, cursor(page[-1].id) if len(rows) > limit else None)


async def find_reader(con: Connection, context: Context, name: UUID) -> tuple[UUID, str]:
    """Return the agent and the name of a reader that is there. Raises NotThere, ReaderAway."""
    row = await store.reader(con, context.tenant, name)
    if row is None or row["kind"] != context.kind or row["blocked_at"] is not None:
        raise NotThere("the centre has no such reader")
    if not _online(row, context.now):
        raise ReaderAway("the reader is unplugged, or its workstation is not connected")
    return row["agent_id"], row["name"]


def _online(row: store.Row, now: datetime) -> bool:
    state = rules.state_of(now, row["blocked_at"] is not None, row["ends_at"], row["seen_at"], row["channel"] is not None)
    return bool(row["present"]) and state == "online"


async def ask_examined(con: Connection, context: Context, name: UUID, kind: KeyKind | None) -> None:
    """Note that somebody has an agent look how its workstation is; it must be connected. Raises NotThere, AgentAway."""
    row = await _agent_row(con, context, name, kind)
    if rules.state_of(context.now, False, row["ends_at"], row["seen_at"], row["channel"] is not None) != "online":
        raise AgentAway("the workstation is not connected")
    await _trace(con, context.tenant, context.now, context.actor, "agent.doctor", name, "")


async def keep_report(pool: Pool, known: Known, said: Examined, now: datetime) -> None:
    """Keep what an agent says of its workstation, in the place of what it said before. Raises ChannelOver, DatabaseDown."""
    async with transaction(pool, known.tenant) as con:
        await _mine(con, known)
        await store.put_report(con, known.tenant, known.id, said.verdict, msgspec.json.encode(said.findings).decode(), now)


async def report(con: Connection, context: Context, name: UUID, kind: KeyKind | None) -> AgentReport:
    """Return what an agent last said of its workstation. Raises NotThere."""
    await _agent_row(con, context, name, kind)
    row = await store.report(con, context.tenant, name)
    if row is None:
        raise NotThere("the workstation was never looked at")
    findings = msgspec.json.decode(row["findings"], type=list[FindingTold])
    return AgentReport(agent=name, verdict=row["verdict"], findings=findings, reported_at=row["reported_at"])


async def _agent_row(con: Connection, context: Context, name: UUID, kind: KeyKind | None) -> store.Row:
    row = await store.find(con, context.tenant, name)
    if row is None or kind not in (None, row["kind"]) or row["blocked_at"] is not None:
        raise NotThere("the centre has no such agent")
    return row


async def make_ticket(con: Connection, context: Context, name: UUID, use: Use, origin: str, authority: Authority) -> TicketMade:
    """Make a ticket for a page of an origin, for one agent of the kind that asks. Raises NotThere."""
    await _agent_row(con, context, name, context.kind)
    ticket = Ticket(id=uuid7(), agent=name, use=use, origin=origin, ends_at=context.now + TICKET_LIFE)
    return TicketMade(ticket=authority.ticket(ticket), ends_at=ticket.ends_at)


async def news(con: Connection, context: Context, after: int, limit: int) -> list[ReaderEvent]:
    """Return what happened at the readers of a centre after a number, of agents of the kind that asks."""
    return await store.events(con, context.tenant, context.kind, after, limit)


async def last_news(con: Connection, context: Context) -> int:
    """Return the number of the last thing that happened."""
    return await store.last_event(con, context.tenant)
