# SPDX-License-Identifier: Apache-2.0
"""What an incident may become, when, and what its clocks show."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.incidents.model import FURTHEST_DAYS, OLDEST_DAYS, Incident, IncidentMoved, IncidentRefused, IncidentTold, MaintenanceTold


def check_told(told: IncidentTold | MaintenanceTold, now: datetime) -> None:
    """Raise IncidentRefused for what cannot be."""
    check_text(told.what)
    if told.starts_at is not None and told.starts_at < now - timedelta(days=OLDEST_DAYS):
        raise IncidentRefused(f"starts_at is more than {OLDEST_DAYS} days ago", hint="look at the year")
    if isinstance(told, MaintenanceTold):
        if told.ends_at <= told.starts_at:
            raise IncidentRefused("ends_at must come after starts_at")
        if told.ends_at > now + timedelta(days=FURTHEST_DAYS):
            raise IncidentRefused(f"ends_at is more than {FURTHEST_DAYS} days off", hint="look at the year")
    elif told.starts_at is not None and told.starts_at > now:
        raise IncidentRefused("an incident begins now or earlier", hint="what is to come is maintenance: declare it as such")


def check_text(text: str) -> None:
    """Raise IncidentRefused for a text that names somebody or cannot be printed."""
    if not text.isprintable() or not text.strip() or mask_nir(text) != text:
        raise IncidentRefused("say it in printable characters, without naming anybody")


def stopped_at(incident: Incident, at: datetime | None, now: datetime) -> datetime:
    """Return when a clock of a running incident stops. Raises IncidentRefused, IncidentMoved."""
    if incident.kind != "incident":
        raise IncidentMoved("maintenance has no clocks", hint="cancel it, or let it end")
    if incident.ended_at is not None:
        raise IncidentMoved("the incident is over")
    stops = now if at is None else at
    if stops > now or stops < incident.starts_at:
        raise IncidentRefused("at is between the beginning of the incident and now")
    return stops


def shown(row: Mapping[str, Any], now: datetime) -> Incident:
    """Return an incident with its state and what its clocks show."""
    return Incident(
        **row, state=_state(row, now), attended_s=_since(row, row["acknowledged_at"]),
        recovered_s=_since(row, row["degraded_at"] or row["ended_at"]) if row["kind"] == "incident" else None,
    )  # fmt: skip


def _state(row: Mapping[str, Any], now: datetime) -> str:
    if row["cancelled_at"] is not None:
        return "cancelled"
    if row["ended_at"] is not None and row["ended_at"] <= now:
        return "over"
    if row["starts_at"] > now:
        return "announced"
    return "down" if row["degraded_at"] is None else "degraded"


def _since(row: Mapping[str, Any], stopped: datetime | None) -> int | None:
    return None if stopped is None else int((stopped - row["starts_at"]).total_seconds())
