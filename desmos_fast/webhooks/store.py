# SPDX-License-Identifier: Apache-2.0
"""Webhooks and their outbox; the caller owns the transaction. The rows of the outbox are made by a trigger of the events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.db.pool import Connection
from desmos_fast.webhooks.model import Delivery, Letter, Message, RejectTold, Webhook

HOLD: Final = "SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || $1, 3))"
COUNT: Final = "SELECT count(*) FROM webhook WHERE tenant_id = $1 AND active"
ADD: Final = "INSERT INTO webhook (tenant_id, id, url, events, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
LIST: Final = """
    SELECT w.id, w.url, w.events, w.created_at, w.failures, w.paused_until,
           (SELECT count(*) FROM webhook_delivery AS d
             WHERE d.tenant_id = $1 AND d.webhook_id = w.id AND d.state = 'waiting') AS waiting,
           (SELECT count(*) FROM webhook_delivery AS d WHERE d.tenant_id = $1 AND d.webhook_id = w.id AND d.state = 'dead') AS dead,
           (SELECT d.ended_at FROM webhook_delivery AS d
             WHERE d.tenant_id = $1 AND d.webhook_id = w.id AND d.state = 'delivered' ORDER BY d.seq DESC LIMIT 1) AS delivered_at,
           (SELECT max(until) FROM (
                SELECT w.sealed_until UNION ALL SELECT s.ends_at FROM webhook_secret AS s WHERE s.tenant_id = $1 AND s.webhook_id = w.id
            ) AS ends (until) WHERE until > $2) AS former_secret_until
      FROM webhook AS w WHERE w.tenant_id = $1 AND w.active ORDER BY w.id
"""
END: Final = "UPDATE webhook SET active = false WHERE tenant_id = $1 AND id = $2 AND active RETURNING id"
DROP_WAITING: Final = """
    UPDATE webhook_delivery SET state = 'dropped', ended_at = $3 WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting'
"""
TARGET: Final = "SELECT url, failures, paused_until FROM webhook WHERE tenant_id = $1 AND id = $2 AND active"
# The newest first. The first one of a webhook stands in its own row.
SECRETS: Final = """
    SELECT 'webhook_secret', id, sealed FROM (
        SELECT id, sealed FROM webhook_secret
         WHERE tenant_id = $1 AND webhook_id = $2 AND (ends_at IS NULL OR ends_at > $3) ORDER BY id DESC
    ) AS later
     UNION ALL
    SELECT 'webhook', id, sealed FROM webhook WHERE tenant_id = $1 AND id = $2 AND (sealed_until IS NULL OR sealed_until > $3)
"""
ADD_SECRET: Final = "INSERT INTO webhook_secret (tenant_id, id, webhook_id, sealed, made_at) VALUES ($1, $2, $3, $4, $5)"
# The present secret ends at $3, and one that signs beside it now: no more than two sign at a time.
END_FIRST: Final = """
    UPDATE webhook SET sealed_until = least(sealed_until, CASE WHEN sealed_until IS NULL THEN $3 ELSE $4 END)
     WHERE tenant_id = $1 AND id = $2 AND active AND (sealed_until IS NULL OR sealed_until > $4)
"""
END_LATER: Final = """
    UPDATE webhook_secret SET ends_at = least(ends_at, CASE WHEN ends_at IS NULL THEN $3 ELSE $4 END)
     WHERE tenant_id = $1 AND webhook_id = $2 AND (ends_at IS NULL OR ends_at > $4)
"""
# An earlier delivery of the same subject that still waits, or is being made, holds back the later ones.
TAKE: Final = """
    WITH due AS (
        SELECT d.seq FROM webhook_delivery AS d
         WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.state = 'waiting' AND d.next_at <= $3
           AND NOT EXISTS (
               SELECT FROM webhook_delivery AS p
                WHERE p.tenant_id = $1 AND p.webhook_id = $2 AND p.subject = d.subject AND p.state = 'waiting' AND p.seq < d.seq)
         ORDER BY d.seq LIMIT $4 FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE webhook_delivery AS d SET tried = d.tried + 1, next_at = $5 FROM due
         WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.seq = due.seq
     RETURNING d.seq, d.tried, d.event_id
    )
    SELECT t.seq, t.tried, e.id, e.name, e.happened_at, e.subject, e.invoice_id, e.part,
           CASE WHEN e.name = 'share.rejected' AND e.detail ? 'class'
                THEN e.detail || jsonb_build_object('code', coalesce(e.detail ->> 'reject_code', '')) END AS reject
      FROM taken AS t JOIN event AS e ON e.tenant_id = $1 AND e.id = t.event_id
     ORDER BY t.seq
"""
SETTLE: Final = """
    UPDATE webhook_delivery AS d
       SET state = c.state, next_at = coalesce(c.next_at, d.next_at), status = c.status, reason = c.reason,
           ended_at = CASE WHEN c.state <> 'waiting' THEN $3::timestamptz END
      FROM unnest($4::bigint[], $5::text[], $6::timestamptz[], $7::smallint[], $8::text[]) AS c (seq, state, next_at, status, reason)
     WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.seq = c.seq AND d.state = 'waiting'
"""
PAUSE: Final = "UPDATE webhook SET failures = $3, paused_until = $4 WHERE tenant_id = $1 AND id = $2"
SLEEPER: Final = "SELECT paused_until, wake_at, wake_job FROM webhook WHERE tenant_id = $1 AND id = $2 AND active FOR UPDATE"
NEXT: Final = """
    SELECT CASE WHEN count(*) > 0 THEN greatest(min(h.next_at), $3) END FROM (
        SELECT DISTINCT ON (subject) next_at FROM webhook_delivery
         WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting' ORDER BY subject, seq
    ) AS h
"""
WAKE_AT: Final = "UPDATE webhook SET wake_at = $3, wake_job = $4 WHERE tenant_id = $1 AND id = $2"
REPLAY: Final = """
    INSERT INTO webhook_delivery (tenant_id, webhook_id, event_id, subject)
    SELECT e.tenant_id, w.id, e.id, coalesce(e.invoice_id, e.subject)
      FROM webhook AS w JOIN event AS e ON e.tenant_id = w.tenant_id
     WHERE w.tenant_id = $1 AND w.id = $2 AND w.active AND e.happened_at >= $3 AND e.happened_at < coalesce($4::timestamptz, 'infinity')
       AND e.subject <> w.id AND (w.events = '{}' OR e.name = ANY (w.events))
     ORDER BY e.happened_at, e.id
"""
REPLAY_ONE: Final = """
    INSERT INTO webhook_delivery (tenant_id, webhook_id, event_id, subject)
    SELECT e.tenant_id, w.id, e.id, coalesce(e.invoice_id, e.subject)
      FROM webhook AS w JOIN event AS e ON e.tenant_id = w.tenant_id
     WHERE w.tenant_id = $1 AND w.id = $2 AND w.active AND e.id = $3
       AND e.subject <> w.id AND (w.events = '{}' OR e.name = ANY (w.events))
"""
FIND: Final = "SELECT 1 FROM webhook WHERE tenant_id = $1 AND id = $2 AND active"
DELIVERIES: Final = """
    SELECT d.seq AS id, e.name AS event, d.event_id, d.subject, d.state, d.tried, d.status, d.reason, d.ended_at
      FROM webhook_delivery AS d JOIN event AS e ON e.tenant_id = $1 AND e.id = d.event_id
     WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND ($3::bigint IS NULL OR d.seq < $3) AND ($4::text IS NULL OR d.state = $4)
     ORDER BY d.seq DESC LIMIT $5
"""


class Target(NamedTuple):
    """Where deliveries of a webhook go, and how its receiver stands."""

    url: str
    failures: int
    paused_until: datetime | None


class Verdict(NamedTuple):
    """What a delivery becomes after a try."""

    seq: int
    state: str
    next_at: datetime | None
    status: int | None
    reason: str | None


async def hold(con: Connection, tenant: UUID) -> None:
    """Keep everyone else from adding webhooks of a centre until the transaction ends."""
    await con.execute(HOLD, str(tenant))


async def count(con: Connection, tenant: UUID) -> int:
    """Return how many webhooks a centre has."""
    return int(await con.fetchval(COUNT, tenant))


async def add(con: Connection, tenant: UUID, webhook: UUID, url: str, events: Sequence[str], sealed: bytes, now: datetime) -> None:
    """Keep a webhook."""
    await con.execute(ADD, tenant, webhook, url, list(events), sealed, now)


async def find_all(con: Connection, tenant: UUID, now: datetime) -> list[Webhook]:
    """Return the webhooks of a centre, the oldest first."""
    return [Webhook(**dict(row)) for row in await con.fetch(LIST, tenant, now)]


async def secrets(con: Connection, tenant: UUID, webhook: UUID, now: datetime) -> list[tuple[str, UUID, bytes]]:
    """Return what signs now, the newest first: the table of each secret, its id, and itself, sealed."""
    return [tuple(row) for row in await con.fetch(SECRETS, tenant, webhook, now)]


async def add_secret(
    con: Connection, tenant: UUID, webhook: UUID, name: UUID, sealed: bytes, now: datetime, former_until: datetime
) -> None:
    """Keep the secret that signs from now on, and until when the one before it does."""
    for statement in (END_FIRST, END_LATER):
        await con.execute(statement, tenant, webhook, former_until, now)
    await con.execute(ADD_SECRET, tenant, name, webhook, sealed, now)


async def is_there(con: Connection, tenant: UUID, webhook: UUID) -> bool:
    """Say whether the centre has such a webhook."""
    return await con.fetchval(FIND, tenant, webhook) is not None


async def end(con: Connection, tenant: UUID, webhook: UUID, now: datetime) -> bool:
    """End a webhook, and what it was still to be told; return False when the centre has no such webhook."""
    if await con.fetchval(END, tenant, webhook) is None:
        return False
    await con.execute(DROP_WAITING, tenant, webhook, now)
    return True


async def target(con: Connection, tenant: UUID, webhook: UUID) -> Target | None:
    """Return where deliveries go, or None when the webhook ended."""
    row = await con.fetchrow(TARGET, tenant, webhook)
    return None if row is None else Target(*row)


async def take(con: Connection, tenant: UUID, webhook: UUID, now: datetime, most: int, lease_ends: datetime) -> list[Letter]:
    """Take deliveries that are due, each the first of its subject; they are due again when the lease ends."""
    return [
        Letter(row["seq"], row["tried"], Message(id=row["id"], event=row["name"], at=row["happened_at"], subject=row["subject"],
                                                 invoice=row["invoice_id"], part=row["part"], reject=_reject(row["reject"])))
        for row in await con.fetch(TAKE, tenant, webhook, now, most, lease_ends)
    ]  # fmt: skip


def _reject(told: str | None) -> RejectTold | msgspec.UnsetType:
    return msgspec.UNSET if told is None else msgspec.json.decode(told, type=RejectTold)


async def settle(con: Connection, tenant: UUID, webhook: UUID, now: datetime, verdicts: Sequence[Verdict]) -> None:
    """Say what became of tries; a delivery that ended meanwhile stays as it is."""
    seqs, states, nexts, statuses, reasons = zip(*verdicts, strict=True)
    await con.execute(SETTLE, tenant, webhook, now, seqs, states, nexts, statuses, reasons)


async def pause(con: Connection, tenant: UUID, webhook: UUID, failures: int, until: datetime | None) -> None:
    """Say how often in a row the receiver was away, and until when it is left alone."""
    await con.execute(PAUSE, tenant, webhook, failures, until)


async def next_look(con: Connection, tenant: UUID, webhook: UUID, now: datetime, job: int) -> datetime | None:
    """Return when a job must look again, or None when nothing waits or another one looks by then.

    A job that woke too early, by a clock that goes otherwise, never takes its own promise for that of another.
    """
    row = await con.fetchrow(SLEEPER, tenant, webhook)
    waiting: datetime | None = await con.fetchval(NEXT, tenant, webhook, now)
    if row is None or waiting is None:
        return None
    due: datetime = max(waiting, row["paused_until"] or now)
    if row["wake_job"] != job and row["wake_at"] is not None and now < row["wake_at"] <= due:
        return None
    await con.execute(WAKE_AT, tenant, webhook, due, job)
    return due


async def forget_look(con: Connection, tenant: UUID, webhook: UUID) -> None:
    """Rely on no job that was to look again."""
    await con.execute(WAKE_AT, tenant, webhook, None, None)


async def replay(con: Connection, tenant: UUID, webhook: UUID, since: datetime, until: datetime | None) -> int:
    """Queue again what the webhook was or would have been told of from one instant up to another; return how many events."""
    done = await con.execute(REPLAY, tenant, webhook, since, until)
    return int(done.rpartition(" ")[2])


async def replay_one(con: Connection, tenant: UUID, webhook: UUID, event: UUID) -> int:
    """Queue one event again, if the webhook was or would have been told of it; return how many events."""
    done = await con.execute(REPLAY_ONE, tenant, webhook, event)
    return int(done.rpartition(" ")[2])


async def deliveries(con: Connection, tenant: UUID, webhook: UUID, before: int | None, state: str | None, most: int) -> list[Delivery]:
    """Return deliveries, the newest first."""
    return [Delivery(**dict(row)) for row in await con.fetch(DELIVERIES, tenant, webhook, before, state, most)]
