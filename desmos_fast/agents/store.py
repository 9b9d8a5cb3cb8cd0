# SPDX-License-Identifier: Apache-2.0
"""Rows of agents, their codes, readers and events; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from desmos_fast.agents.model import CodeFound, ReaderEvent
from desmos_fast.agents.wire import EventTold
from desmos_fast.base.types import KeyKind
from desmos_fast.db.pool import Connection

ADD_CODE: Final = """
    INSERT INTO agent_code (tenant_id, id, kind, desk, hash, made_at, made_by, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
FIND_CODE: Final = "SELECT tenant_id, code_id FROM find_agent_code($1, $2)"
USE_CODE: Final = """
    UPDATE agent_code SET used_at = $3 WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL AND ends_at > $3 RETURNING id, kind, desk
"""
ADD: Final = """
    INSERT INTO agent (tenant_id, id, kind, desk, enrolled_at, serial, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
COLUMNS: Final = "id, kind, desk, enrolled_at, serial, former, ends_at, version, system, channel, seen_at, received, blocked_at"
LOCK: Final = f"SELECT {COLUMNS} FROM agent WHERE tenant_id = $1 AND id = $2 FOR UPDATE"  # noqa: S608  # names of columns
FIND: Final = f"SELECT {COLUMNS} FROM agent WHERE tenant_id = $1 AND id = $2"  # noqa: S608  # names of columns
LIST: Final = f"""
    SELECT {COLUMNS} FROM agent WHERE tenant_id = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4
"""  # noqa: S608  # names of columns
# Who shows the new certificate needs the former one no more.
CONNECT: Final = """
    UPDATE agent SET channel = $3, seen_at = $4, version = $5, system = $6, former = CASE WHEN serial = $7 THEN NULL ELSE former END
     WHERE tenant_id = $1 AND id = $2
"""
BEAT: Final = """
    UPDATE agent SET seen_at = greatest(seen_at, $4) WHERE tenant_id = $1 AND id = $2 AND channel = $3 AND blocked_at IS NULL RETURNING id
"""
LEAVE: Final = "UPDATE agent SET channel = NULL WHERE tenant_id = $1 AND id = $2 AND channel = $3"
RENEW: Final = "UPDATE agent SET former = $3, serial = $4, ends_at = $5 WHERE tenant_id = $1 AND id = $2"
BLOCK: Final = "UPDATE agent SET blocked_at = $3, blocked_by = $4, channel = NULL WHERE tenant_id = $1 AND id = $2"
RECEIVED: Final = "UPDATE agent SET received = $3 WHERE tenant_id = $1 AND id = $2"
ADD_EVENTS: Final = """
    INSERT INTO reader_event (tenant_id, seq, agent_id, number, kind, reader, atr, happened_at, received_at)
    SELECT $1, $2 + place - 1, $3, number, kind, reader, atr, happened_at, $9
      FROM unnest($4::bigint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[]) WITH ORDINALITY
           AS told (number, kind, reader, atr, happened_at, place)
"""
EVENTS: Final = """
    SELECT e.seq, e.agent_id AS agent, e.kind, e.reader, e.atr, e.happened_at AS at
      FROM reader_event AS e JOIN agent AS a ON a.tenant_id = e.tenant_id AND a.id = e.agent_id
     WHERE e.tenant_id = $1 AND e.seq > $2 AND a.kind = $3 ORDER BY e.seq LIMIT $4
"""
LAST_EVENT: Final = "SELECT coalesce(max(seq), 0) FROM reader_event WHERE tenant_id = $1"
FORGET: Final = "SELECT forget_reader_events($1)"
CLEAR_READERS: Final = """
    UPDATE reader SET present = false, card = 'none', atr = '', changed_at = $3 WHERE tenant_id = $1 AND agent_id = $2 AND present
"""
PUT_READER: Final = """
    INSERT INTO reader (tenant_id, id, agent_id, name, present, card, atr, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (tenant_id, id) DO UPDATE SET present = excluded.present, card = excluded.card, atr = excluded.atr,
       changed_at = excluded.changed_at
"""
COUNT_READERS: Final = "SELECT count(*) FROM reader WHERE tenant_id = $1 AND agent_id = $2"
READER: Final = """
    SELECT r.id, r.agent_id, r.name, r.present, a.channel, a.seen_at, a.kind, a.blocked_at, a.ends_at
      FROM reader AS r JOIN agent AS a ON a.tenant_id = r.tenant_id AND a.id = r.agent_id WHERE r.tenant_id = $1 AND r.id = $2
"""
READERS: Final = """
    SELECT r.id, r.agent_id, r.name, r.present, r.card, r.atr, r.changed_at, a.desk, a.channel, a.seen_at, a.blocked_at, a.ends_at
      FROM reader AS r JOIN agent AS a ON a.tenant_id = r.tenant_id AND a.id = r.agent_id
     WHERE r.tenant_id = $1 AND a.kind = $2 AND a.blocked_at IS NULL
       AND ($3::uuid IS NULL OR (r.agent_id, r.id) > (SELECT b.agent_id, b.id FROM reader AS b WHERE b.tenant_id = $1 AND b.id = $3))
     ORDER BY r.agent_id, r.id LIMIT $4
"""
PUT_REPORT: Final = """
    INSERT INTO agent_report (tenant_id, agent_id, verdict, findings, reported_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, agent_id) DO UPDATE SET verdict = excluded.verdict, findings = excluded.findings,
       reported_at = excluded.reported_at
"""
REPORT: Final = "SELECT verdict, findings, reported_at FROM agent_report WHERE tenant_id = $1 AND agent_id = $2"
NOTIFY: Final = "SELECT pg_notify($1, $2)"
Row = Mapping[str, Any]


async def add_code(con: Connection, tenant: UUID, *values: object) -> None:
    """Keep a code, its columns in their order."""
    await con.execute(ADD_CODE, tenant, *values)


async def find_code(con: Connection, hashed: bytes, now: datetime) -> tuple[UUID, UUID] | None:
    """Return whose code this is, and which, while it lets anybody in; no centre's row need be seen for it."""
    row = await con.fetchrow(FIND_CODE, hashed, now)
    return None if row is None else (row["tenant_id"], row["code_id"])


async def use_code(con: Connection, tenant: UUID, name: UUID, now: datetime) -> CodeFound | None:
    """Use a code up, unless somebody did or its time is over."""
    row = await con.fetchrow(USE_CODE, tenant, name, now)
    return None if row is None else CodeFound(**row)


async def add(con: Connection, tenant: UUID, *values: object) -> None:
    """Keep a new agent, its columns in their order."""
    await con.execute(ADD, tenant, *values)


async def lock(con: Connection, tenant: UUID, name: UUID) -> Row | None:
    """Return an agent that nobody else changes until the transaction ends, or None."""
    row = await con.fetchrow(LOCK, tenant, name)
    return None if row is None else dict(row)


async def find(con: Connection, tenant: UUID, name: UUID) -> Row | None:
    """Return an agent, or None."""
    row = await con.fetchrow(FIND, tenant, name)
    return None if row is None else dict(row)


async def listed(con: Connection, tenant: UUID, kind: KeyKind | None, before: UUID | None, limit: int) -> Sequence[Row]:
    """Return agents, the last enrolled first: of one kind, or of both."""
    return [dict(row) for row in await con.fetch(LIST, tenant, kind, before, limit)]


async def connect(con: Connection, tenant: UUID, name: UUID, *values: object) -> None:
    """Note by which channel an agent is connected, with which version and certificate."""
    await con.execute(CONNECT, tenant, name, *values)


async def beat(con: Connection, tenant: UUID, name: UUID, channel: UUID, now: datetime) -> bool:
    """Note that an agent is there; return False when it has another channel by now, or is blocked."""
    return await con.fetchval(BEAT, tenant, name, channel, now) is not None


async def leave(con: Connection, tenant: UUID, name: UUID, channel: UUID) -> None:
    """Note that an agent left, unless it is back by another channel."""
    await con.execute(LEAVE, tenant, name, channel)


async def renew(con: Connection, tenant: UUID, name: UUID, former: str, serial: str, ends_at: datetime) -> None:
    """Note that an agent was given a certificate, and by which one it asked for it."""
    await con.execute(RENEW, tenant, name, former, serial, ends_at)


async def block(con: Connection, tenant: UUID, name: UUID, now: datetime, by: str) -> None:
    """Shut an agent out for good."""
    await con.execute(BLOCK, tenant, name, now, by)


async def add_events(con: Connection, tenant: UUID, agent: UUID, first: int, told: Sequence[EventTold], now: datetime) -> None:
    """Keep events under numbers of the centre from `first` on, and which was the agent's last."""
    columns = zip(*((one.number, one.kind, one.reader, one.atr, one.at) for one in told), strict=True)
    await con.execute(ADD_EVENTS, tenant, first, agent, *(list(column) for column in columns), now)
    await con.execute(RECEIVED, tenant, agent, told[-1].number)


async def events(con: Connection, tenant: UUID, kind: KeyKind, after: int, limit: int) -> list[ReaderEvent]:
    """Return events of one kind of agents after a number of the centre, in order."""
    return [ReaderEvent(**row) for row in await con.fetch(EVENTS, tenant, after, kind, limit)]


async def last_event(con: Connection, tenant: UUID) -> int:
    """Return the number of the centre's last event, 0 without one."""
    return int(await con.fetchval(LAST_EVENT, tenant))


async def forget_events(con: Connection, older: datetime) -> None:
    """Forget some of the events that were received before an instant, of all centres."""
    await con.execute(FORGET, older)


async def clear_readers(con: Connection, tenant: UUID, agent: UUID, now: datetime) -> None:
    """Note that an agent has no reader."""
    await con.execute(CLEAR_READERS, tenant, agent, now)


async def put_reader(con: Connection, tenant: UUID, *values: object) -> None:
    """Note how a reader stands, its columns in their order."""
    await con.execute(PUT_READER, tenant, *values)


async def count_readers(con: Connection, tenant: UUID, agent: UUID) -> int:
    """Return how many readers an agent ever told of."""
    return int(await con.fetchval(COUNT_READERS, tenant, agent))


async def reader(con: Connection, tenant: UUID, name: UUID) -> Row | None:
    """Return a reader with its agent, or None."""
    row = await con.fetchrow(READER, tenant, name)
    return None if row is None else dict(row)


async def readers(con: Connection, tenant: UUID, kind: KeyKind, after: UUID | None, limit: int) -> Sequence[Row]:
    """Return readers of one kind of agents that are not blocked, by agent, with what tells whether these are there."""
    return [dict(row) for row in await con.fetch(READERS, tenant, kind, after, limit)]


async def put_report(con: Connection, tenant: UUID, *values: object) -> None:
    """Keep what an agent says of its workstation, its columns in their order, in the place of what it said before."""
    await con.execute(PUT_REPORT, tenant, *values)


async def report(con: Connection, tenant: UUID, agent: UUID) -> Row | None:
    """Return what an agent last said of its workstation, its findings as JSON, or None."""
    row = await con.fetchrow(REPORT, tenant, agent)
    return None if row is None else dict(row)


async def notify(con: Connection, channel: str, payload: str) -> None:
    """Tell every process that listens, once the transaction is committed."""
    await con.execute(NOTIFY, channel, payload)


async def alive(con: Connection) -> None:
    """Ask for nothing, to learn whether anybody answers."""
    await con.execute("SELECT 1")
