# SPDX-License-Identifier: Apache-2.0
"""Anomalies are noted with what they are found by, closed when they are over or a person says so, and told."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog

from desmos_fast.anomalies import store
from desmos_fast.anomalies.model import AnomaliesShown, AnomalyShown, Found, Kind, Notifier, Resolution
from desmos_fast.base.errors import InvalidInput, NotThere
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import TenantId
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from monitoring import metrics

MOST: Final = 1_000
LONGEST_WHY: Final = 500
# Told in one go for each centre; the others come with the next look.
AT_ONCE: Final = 100
TELL_S: Final = 40.0
log: Final = structlog.get_logger("desmos.anomalies")


class WhyMissing(InvalidInput):
    """A person closes something without saying why."""

    code = "why_missing"


class LogNotifier:
    """Writes one line of the log for each anomaly, at the level of errors: what watches the log tells people."""

    async def tell(self, tenant: TenantId, anomalies: Sequence[AnomalyShown]) -> None:
        """Write the lines."""
        for anomaly in anomalies:
            log.error(
                "anomaly", centre=str(tenant), anomaly=str(anomaly.id), kind=anomaly.kind, stage=anomaly.stage,
                subject=str(anomaly.subject), expected=anomaly.expected, found=anomaly.found,
                trace=None if anomaly.trace is None else str(anomaly.trace), noticed_at=anomaly.noticed_at.isoformat(),
            )  # fmt: skip


async def note(con: Connection, tenant: UUID, now: datetime, found: Sequence[Found], *, by: str) -> None:
    """Keep what was found; what is open already stays one, with what is found of it now."""
    events = []
    for one in found:
        name = await store.note(con, tenant, now, one)
        if name is not None:
            events.append(Event("anomaly.noticed", name, detail={"kind": one.kind, "subject": str(one.subject), "trace": _text(one.trace)}))
            metrics.anomalies_noticed.labels(one.kind.value).inc()
    await journal.record(con, tenant, now, events, by=by)


async def clear(con: Connection, tenant: UUID, now: datetime, kind: Kind, subjects: Sequence[UUID], *, by: str) -> None:
    """Close what is over."""
    closed = await store.clear(con, tenant, now, kind, subjects, by) if subjects else []
    await journal.record(con, tenant, now, [Event("anomaly.resolved", name, detail={"kind": kind}) for name in closed], by=by)


async def listed(con: Connection, context: Context, *, closed: bool) -> AnomaliesShown:
    """Return the anomalies of the centre that are open, or all."""
    return AnomaliesShown(await store.some(con, context.tenant, MOST, closed=closed))


async def resolve(con: Connection, context: Context, anomaly: UUID, body: bytes) -> AnomalyShown:
    """Close an anomaly that a person settled; one that is closed stays as it is. Raises NotThere, WhyMissing."""
    why = why_of(_asked(body))
    if await store.resolve(con, context.tenant, context.now, anomaly, context.actor):
        event = Event("anomaly.resolved", anomaly, detail={"why": why})
        await journal.record(con, context.tenant, context.now, [event], by=context.actor)
    found = await store.find(con, context.tenant, anomaly)
    if found is None:
        raise NotThere("the centre has no such anomaly")
    return found


def _asked(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Resolution).why
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def why_of(text: str) -> str:
    """Return the reason that a person gives, without any NIR. Raises WhyMissing."""
    why = mask_nir(text.strip())
    if not 0 < len(why) <= LONGEST_WHY:
        raise WhyMissing(
            f"the reason is asked for, up to {LONGEST_WHY} characters", hint='send {"why": "…"}, with no name of a patient'
        )
    return why


async def tell(con: Connection, tenant: TenantId, now: datetime, notifier: Notifier) -> int:
    """Tell people of what they were not told of yet, and return how many; what fails is told at the next look."""
    untold = await store.untold(con, tenant, AT_ONCE)
    if not untold:
        return 0
    try:
        await asyncio.wait_for(notifier.tell(tenant, untold), TELL_S)
    except Exception as error:
        log.warning("people could not be told, trying again", anomalies=[str(one.id) for one in untold], error=type(error).__name__)
        return 0
    await store.told(con, tenant, now, [one.id for one in untold])
    return len(untold)


def _text(name: UUID | None) -> str | None:
    return None if name is None else str(name)
