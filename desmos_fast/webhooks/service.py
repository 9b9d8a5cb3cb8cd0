# SPDX-License-Identifier: Apache-2.0
"""A centre asks to be told of what happens; each telling is taken, and what became of it is kept."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.base.signature import write_secret
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import journal, kernel, queue
from desmos_fast.db.journal import WORKER, Event
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.webhooks import rules, store
from desmos_fast.webhooks.model import (
    DELIVER,
    LONGEST_OVERLAP_S,
    MOST_WEBHOOKS,
    DeliverWebhook,
    DeliveryPage,
    Letter,
    NewSecret,
    NewWebhook,
    Outcome,
    Replayed,
    SecretAsked,
    Subscription,
    TooManyWebhooks,
    WebhookList,
    WebhookRefused,
)
from desmos_fast.webhooks.rules import Patience
from desmos_fast.webhooks.store import Verdict
from monitoring import metrics

TABLE: Final = "webhook"
SECRETS: Final = "webhook_secret"
# One event, or the instants between which everything is meant.
Again = UUID | tuple[datetime, datetime | None]
SECRET_BYTES: Final = 32
DEAD: Final = "webhook.dead"
BATCH: Final = 16


class Batch(NamedTuple):
    """Deliveries that were taken, and where they go."""

    url: str
    secrets: list[str]
    failures: int
    letters: list[Letter]


def read_subscription(body: bytes) -> Subscription:
    """Read what is asked for. Raises WebhookRefused."""
    try:
        asked = msgspec.json.decode(body, type=Subscription)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WebhookRefused('the body is {"url": "https://…", "events": ["file.sent", …]}') from error
    rules.check(asked)
    return asked


async def add(con: Connection, context: Context, asked: Subscription) -> NewWebhook:
    """Make a webhook and its secret, which nobody can read again. Raises TooManyWebhooks."""
    await store.hold(con, context.tenant)
    if await store.count(con, context.tenant) >= MOST_WEBHOOKS:
        raise TooManyWebhooks(f"the centre has {MOST_WEBHOOKS} webhooks", hint="delete one that is not needed")
    name, secret = uuid7(), write_secret(os.urandom(SECRET_BYTES))
    (sealed,) = kernel.seal(context.keys, TABLE, context.tenant, [name], [secret.encode()])
    events = list(dict.fromkeys(asked.events))
    await store.add(con, context.tenant, name, asked.url, events, sealed, context.now)
    await journal.record(con, context.tenant, context.now, [Event("webhook.added", name)], by=context.actor)
    return NewWebhook(id=name, url=asked.url, events=events, created_at=context.now, secret=secret)


async def show(con: Connection, context: Context, house: datetime) -> WebhookList:
    """Return the webhooks of the centre; `house` is what time it is for who makes the deliveries."""
    return WebhookList(await store.find_all(con, context.tenant, house))


async def end(con: Connection, context: Context, webhook: UUID) -> None:
    """End a webhook; what it was still to be told is dropped. Raises NotThere."""
    if not await store.end(con, context.tenant, webhook, context.now):
        raise NotThere("the centre has no such webhook")
    await journal.record(con, context.tenant, context.now, [Event("webhook.ended", webhook)], by=context.actor)


def read_secret_asked(body: bytes) -> SecretAsked:
    """Read how a secret is to be changed; nothing is a day of both. Raises WebhookRefused."""
    try:
        return msgspec.json.decode(body or b"{}", type=SecretAsked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WebhookRefused(f'the body is {{"overlap_s": 0 to {LONGEST_OVERLAP_S}}}') from error


async def rotate(con: Connection, context: Context, webhook: UUID, asked: SecretAsked, house: datetime) -> NewSecret:
    """Give a webhook another secret; until the overlap ends every delivery is signed with both.

    `house` is what time it is for who makes the deliveries. Raises NotThere.
    """
    await store.hold(con, context.tenant)
    await _there(con, context, webhook)
    name, secret, until = uuid7(), write_secret(os.urandom(SECRET_BYTES)), house + timedelta(seconds=asked.overlap_s)
    (sealed,) = kernel.seal(context.keys, SECRETS, context.tenant, [name], [secret.encode()])
    await store.add_secret(con, context.tenant, webhook, name, sealed, house, until)
    await journal.record(con, context.tenant, context.now, [Event("webhook.rotated", webhook)], by=context.actor)
    return NewSecret(id=webhook, former_secret_until=until, secret=secret)


async def replay(con: Connection, context: Context, webhook: UUID, what: Again) -> Replayed:
    """Tell a webhook again of one event, or of everything in a time. Raises NotThere."""
    await _there(con, context, webhook)
    if isinstance(what, UUID):
        queued = await store.replay_one(con, context.tenant, webhook, what)
        if not queued:
            raise NotThere("the centre has no such event, or the webhook is not told of it")
    else:
        queued = await store.replay(con, context.tenant, webhook, *what)
    if queued:
        await queue.enqueue(con, DELIVER, [msgspec.json.encode(DeliverWebhook(context.tenant, webhook))])
    return Replayed(queued)


async def deliveries(
    con: Connection, context: Context, webhook: UUID, *, before: int | None, state: str | None, limit: int, cursor: Callable[[int], str]
) -> DeliveryPage:
    """Return one page of the deliveries of a webhook; `cursor` writes the place where the next one begins. Raises NotThere."""
    await _there(con, context, webhook)
    found = await store.deliveries(con, context.tenant, webhook, before, state, limit + 1)
    return DeliveryPage(found[:limit], cursor(found[limit - 1].id) if len(found) > limit else None)


async def _there(con: Connection, context: Context, webhook: UUID) -> None:
    if not await store.is_there(con, context.tenant, webhook):
        raise NotThere("the centre has no such webhook")


async def take(con: Connection, keys: TenantKeys, tenant: TenantId, webhook: UUID, now: datetime, patience: Patience) -> Batch | None:
    """Take what is due, unless the receiver is left alone; None when there is nothing to do now."""
    target = await store.target(con, tenant, webhook)
    if target is None or (target.paused_until is not None and target.paused_until > now):
        return None
    letters = await store.take(con, tenant, webhook, now, BATCH, now + timedelta(seconds=patience.lease_s))
    if not letters:
        return None
    signing = [
        kernel.unseal(keys, table, tenant, [name], [sealed])[0].decode()
        for table, name, sealed in await store.secrets(con, tenant, webhook, now)
    ]
    return Batch(target.url, signing, target.failures, letters)


async def settle(
    con: Connection, tenant: TenantId, webhook: UUID, now: datetime, batch: Batch, outcomes: Sequence[Outcome], patience: Patience
) -> None:
    """Say what became of a batch: delivered, to be tried again, or dead; a receiver that took none because it is away is left alone."""
    verdicts = [_verdict(letter, outcome, now, patience) for letter, outcome in zip(batch.letters, outcomes, strict=True)]
    await store.settle(con, tenant, webhook, now, verdicts)
    if all(outcome.away for outcome in outcomes):
        failures = batch.failures + 1
        await store.pause(con, tenant, webhook, failures, now + timedelta(seconds=patience.delay_s(failures)))
    elif batch.failures:
        await store.pause(con, tenant, webhook, 0, None)
    dead = [
        Event(DEAD, webhook, detail={"event": str(letter.message.id), "reason": verdict.reason})
        for letter, verdict in zip(batch.letters, verdicts, strict=True)
        # Webhooks that are all dead would tell each other of it, more often each time, and never end.
        if verdict.state == "dead" and letter.message.event != DEAD
    ]
    await journal.record(con, tenant, now, dead, by=WORKER)
    for verdict in verdicts:
        metrics.webhook_tries.labels("failed" if verdict.state == "waiting" else verdict.state).inc()


def _verdict(letter: Letter, outcome: Outcome, now: datetime, patience: Patience) -> Verdict:
    if outcome.delivered:
        return Verdict(letter.seq, "delivered", None, outcome.status, None)
    if letter.tried >= patience.tries:
        return Verdict(letter.seq, "dead", None, outcome.status, outcome.reason)
    return Verdict(letter.seq, "waiting", now + timedelta(seconds=patience.delay_s(letter.tried)), outcome.status, outcome.reason)
