# SPDX-License-Identifier: Apache-2.0
"""A centre sets how it matches, and people explain labels; the next run follows them, and says under which settings it ran."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import store as settlement
from desmos_fast.settlement.labels import taught_key
from desmos_fast.settlement.model import Settings
from desmos_fast.settlement.rules import settings_version
from desmos_fast.settlement.taught import store
from desmos_fast.settlement.taught.model import (
    MOST_DAYS,
    MOST_LABELS,
    MOST_RECOVERY_DAYS,
    ChosenSettings,
    Forgetting,
    LabelShown,
    LabelsShown,
    MatchingRefused,
    SettingsShown,
    Teaching,
    TooManyLabels,
)
from desmos_fast.settlement.taught.store import Label

Asked = TypeVar("Asked", ChosenSettings, Teaching, Forgetting)


async def in_force(con: Connection, context: Context) -> tuple[int, Settings]:
    """Return the settings of a centre and their revision, for a run that holds the settlement lock."""
    revision = await store.revision(con, context.tenant)
    return revision, await store.settings(con, context.tenant, revision)


async def show(con: Connection, context: Context) -> SettingsShown:
    """Show the settings in force."""
    revision, found = await in_force(con, context)
    return SettingsShown(
        revision=revision, version=settings_version(found), window_from=found.window_from, window_to=found.window_to,
        recovery_days=found.recovery_days, confirm_unique_sum=found.confirm_unique_sum, per_payer=found.per_payer,
        labels=len(found.learned),
    )  # fmt: skip


async def put(con: Connection, context: Context, body: bytes) -> SettingsShown:
    """Set how the centre matches, whole. Raises MatchingRefused."""
    new = _read(body, ChosenSettings)
    asked = Settings(
        window_from=new.window_from, window_to=new.window_to, recovery_days=new.recovery_days, confirm_unique_sum=new.confirm_unique_sum,
        per_payer=new.per_payer,
    )  # fmt: skip
    for payer in (None, *new.per_payer):
        tolerance = asked.of(payer)
        days = (tolerance.window_from, tolerance.window_to)
        if max(map(abs, days)) > MOST_DAYS or not 0 <= tolerance.recovery_days <= MOST_RECOVERY_DAYS:
            raise MatchingRefused(
                f"the days of {payer or 'all payers'} cannot be so many",
                hint=f"a window has at most {MOST_DAYS} days before and after, recoveries go back 0 to {MOST_RECOVERY_DAYS} days",
            )
        if tolerance.window_from > tolerance.window_to:
            raise MatchingRefused(f"the window of {payer or 'all payers'} ends before it begins", hint="window_from is at most window_to")
    revision = await _next(con, context)
    await store.put(con, context.tenant, revision, new, context.now, context.actor)
    await _tell(con, context, "matching.set", {"revision": revision})
    return await show(con, context)


async def labels(
    con: Connection, context: Context, before: int | None = None, limit: int | None = None, cursor: Callable[[int], str] = str
) -> LabelsShown:
    """Return one page of the labels that people explained, all without a limit; `cursor` writes the place where the next one begins."""
    found = await store.page(con, context.tenant, before, None if limit is None else limit + 1)
    shown = found[:limit]
    return LabelsShown([one for _, one in shown], cursor(shown[-1][0]) if len(found) > len(shown) else None)


async def teach(con: Connection, context: Context, body: bytes) -> LabelShown:
    """Say who a label of an account stands for, in the place of what was said before. Raises MatchingRefused, TooManyLabels."""
    asked = _read(body, Teaching)
    label = Label(*_key(asked.account, asked.label), mask_nir(asked.label), asked.payer)
    revision = await _next(con, context)
    known = await store.labels(con, context.tenant, revision - 1)
    if len(known) >= MOST_LABELS and (label.account, label.key) not in {(one.account, key) for key, one in known}:
        raise TooManyLabels(f"the centre has explained {MOST_LABELS} labels", hint="forget some that no longer come")
    await store.teach(con, context.tenant, revision, label, context.now, context.actor)
    await _tell(con, context, "label.taught", {"revision": revision, "payer": label.payer})
    return LabelShown(account=label.account, label=label.label, payer=label.payer, taught_by=context.actor, taught_at=context.now)


async def forget(con: Connection, context: Context, body: bytes) -> None:
    """Let a label stand for nothing any more; matches that followed it are decided again as others are. Raises NotThere."""
    asked = _read(body, Forgetting)
    account, key = _key(asked.account, asked.label)
    revision = await _next(con, context)
    known = {(one.account, key): one for key, one in await store.labels(con, context.tenant, revision - 1)}
    if (account, key) not in known:
        raise NotThere("nobody explained this label of this account")
    label = Label(account, key, known[account, key].label, None, forgotten=True)
    await store.teach(con, context.tenant, revision, label, context.now, context.actor)
    await _tell(con, context, "label.forgotten", {"revision": revision})


def _read(body: bytes, kind: type[Asked]) -> Asked:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MatchingRefused(f"it cannot be as asked for: {mask_nir(str(error))}", hint="see docs/reference/api-settlement.md") from error


def _key(account: str, label: str) -> tuple[str, str]:
    account, key = taught_key(account, mask_nir(label))
    if not account or not key:
        raise MatchingRefused("the label has no letter or digit that tells it", hint="take account and label as the bank line shows them")
    return account, key


async def _next(con: Connection, context: Context) -> int:
    # A run reads them under the same lock: it follows all of a change or nothing.
    await settlement.lock(con, context.tenant)
    return await store.revision(con, context.tenant) + 1


async def _tell(con: Connection, context: Context, name: str, detail: dict[str, object]) -> None:
    await journal.record(con, context.tenant, context.now, [Event(name, context.tenant, detail=detail)], by=context.actor)
