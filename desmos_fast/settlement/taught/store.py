# SPDX-License-Identifier: Apache-2.0
"""Settings and labels by revision; nothing of them is ever changed. The caller owns the transaction."""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.db.pool import Connection
from desmos_fast.settlement.model import LearnedLabel, Settings
from desmos_fast.settlement.taught.model import ChosenSettings, LabelShown

# Revisions are counted over both tables: one number says what a run knew.
REVISION: Final = """
    SELECT greatest(
        (SELECT coalesce(max(revision), 0) FROM matching_settings WHERE tenant_id = $1),
        (SELECT coalesce(max(revision), 0) FROM learned_label WHERE tenant_id = $1))
"""
SETTINGS: Final = """
    SELECT document FROM matching_settings WHERE tenant_id = $1 AND revision <= $2 ORDER BY revision DESC LIMIT 1
"""
LABELS: Final = """
    SELECT * FROM (
        SELECT DISTINCT ON (account, label_key) account, label_key, label, payer, forgotten, taught_by, taught_at
          FROM learned_label WHERE tenant_id = $1 AND revision <= $2
         ORDER BY account, label_key, revision DESC
    ) AS last WHERE NOT forgotten
"""
PAGE: Final = """
    SELECT l.account, l.label, l.payer, l.taught_by, l.taught_at, l.revision
      FROM learned_label AS l
     WHERE l.tenant_id = $1 AND NOT l.forgotten AND ($2::integer IS NULL OR l.revision < $2)
       AND NOT EXISTS (
           SELECT FROM learned_label AS later
            WHERE later.tenant_id = $1 AND later.account = l.account AND later.label_key = l.label_key AND later.revision > l.revision
       )
     ORDER BY l.revision DESC LIMIT $3
"""
PUT: Final = "INSERT INTO matching_settings (tenant_id, revision, document, since, set_by) VALUES ($1, $2, $3, $4, $5)"
TEACH: Final = """
    INSERT INTO learned_label (tenant_id, revision, account, label_key, label, payer, forgotten, taught_by, taught_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


class Label(NamedTuple):
    """One label as it is kept: `key` is what it is known by."""

    account: str
    key: str
    label: str
    payer: str | None
    forgotten: bool = False


async def revision(con: Connection, tenant: UUID) -> int:
    """Return the number of the last change; 0 before the first."""
    return int(await con.fetchval(REVISION, tenant))


async def chosen(con: Connection, tenant: UUID, at: int) -> ChosenSettings:
    """Return what a centre had set at a revision."""
    document = await con.fetchval(SETTINGS, tenant, at)
    return ChosenSettings() if document is None else msgspec.json.decode(document, type=ChosenSettings)


async def labels(con: Connection, tenant: UUID, at: int) -> list[tuple[str, LabelShown]]:
    """Return the labels that stood for something at a revision, each with what it is known by."""
    return [(row["label_key"], _shown(row)) for row in await con.fetch(LABELS, tenant, at)]


def _shown(row: Any) -> LabelShown:
    return LabelShown(**{name: row[name] for name in LabelShown.__struct_fields__})


async def page(con: Connection, tenant: UUID, before: int | None, limit: int | None) -> list[tuple[int, LabelShown]]:
    """Return labels with the revision in which each was taught, the last one first: those before a revision, at most so many."""
    return [(row["revision"], _shown(row)) for row in await con.fetch(PAGE, tenant, before, limit)]


async def settings(con: Connection, tenant: UUID, at: int) -> Settings:
    """Return the settings of matching at a revision, labels included."""
    found = await chosen(con, tenant, at)
    learned = [LearnedLabel(account=one.account, label=one.label, payer=one.payer) for _, one in await labels(con, tenant, at)]
    return Settings(
        window_from=found.window_from,
        window_to=found.window_to,
        recovery_days=found.recovery_days,
        confirm_unique_sum=found.confirm_unique_sum,
        learned=tuple(learned),
        per_payer=found.per_payer,
    )


async def put(con: Connection, tenant: UUID, new: int, settings: ChosenSettings, now: datetime, by: str) -> None:
    """Keep new settings under a new revision."""
    await con.execute(PUT, tenant, new, msgspec.json.encode(settings).decode(), now, by)


async def teach(con: Connection, tenant: UUID, new: int, label: Label, now: datetime, by: str) -> None:
    """Keep what a label stands for, or that it stands for nothing any more, under a new revision."""
    await con.execute(TEACH, tenant, new, *label, by, now)
