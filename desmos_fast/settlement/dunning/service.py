# SPDX-License-Identifier: Apache-2.0
"""A centre looks at what is to be followed up, sets its delays, and disputes what was taken back."""

import base64
import binascii
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from desmos_fast.anomalies.service import why_of
from desmos_fast.base.clock import paris_date
from desmos_fast.base.errors import InvalidInput, NotThere
from desmos_fast.base.identifiers import mask_nir
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement import store as settlement
from desmos_fast.settlement.decisions.store import add_decision
from desmos_fast.settlement.dunning import rules, store
from desmos_fast.settlement.dunning.model import (
    Dispute,
    Disputed,
    Page,
    Penalty,
    SettingRefused,
    Term,
    TermAsked,
    TermSet,
    TermsShown,
    Wanted,
)
from desmos_fast.settlement.dunning.rules import Question
from desmos_fast.settlement.dunning.terms import Terms, check

LONGEST_SOURCE: Final = 300
Asked = TypeVar("Asked", TermAsked, Dispute)


class BadBody(InvalidInput):
    """The body is none of what this takes."""

    code = "follow_up_invalid"


async def terms_of(con: Connection, context: Context) -> Terms:
    """Return the settings of the centre."""
    return Terms(await store.own_terms(con, context.tenant))


async def question(con: Connection, context: Context) -> Question:
    """Return what queries about today are given."""
    return rules.question(await terms_of(con, context), context.today)


async def gauges(con: Connection, tenant: TenantId, now: datetime) -> dict[tuple[str, str, str], int]:
    """Return what is shown of a centre as metrics: cents due by kind of payer and age, cents near forclusion, reminders that are open."""
    terms = Terms(await store.own_terms(con, tenant))
    return await store.gauges(con, tenant, rules.question(terms, paris_date(now)))


# --- lists


async def listed(con: Connection, context: Context, name: str, wanted: Wanted) -> Page:
    """Return one page of a list."""
    asked = await question(con, context)
    total, found = await store.listed(con, context.tenant, asked, name, wanted)
    shown = [rules.explained(one, context.today) if isinstance(one, Penalty) else one for one in found[: wanted.limit]]
    return Page(total, tuple(shown), write_place(shown[-1].place) if len(found) > wanted.limit else None)


def write_place(place: str) -> str:
    """Return the cursor of what follows a row."""
    return base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def read_place(cursor: str) -> str | None:
    """Return the place that a cursor stands for, None when it is none."""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return place if write_place(place) == cursor and "\0" not in place else None


# --- settings


async def show_terms(con: Connection, context: Context) -> TermsShown:
    """Return every setting that holds today."""
    return TermsShown(context.today, tuple((await terms_of(con, context)).shown(context.today)))


async def set_term(con: Connection, context: Context, body: bytes) -> TermSet:
    """Make a setting of the centre, from a day on, which may be a past one. Raises SettingRefused, BadBody."""
    asked = _read(body, TermAsked)
    source = mask_nir(asked.source.strip())
    if not 0 < len(source) <= LONGEST_SOURCE:
        raise SettingRefused(f"a setting says where it comes from, in up to {LONGEST_SOURCE} characters")
    term = Term(asked.name, asked.value, asked.since, asked.until, source, payer=asked.payer)
    check(term)
    made = TermSet(uuid7(), asked.name, asked.value, asked.payer, asked.since, asked.until)
    await store.add_term(con, context.tenant, made.id, term, context.actor, context.now)
    detail = {**msgspec.to_builtins(asked), "source": source}
    await journal.record(con, context.tenant, context.now, [Event("follow_up.set", made.id, detail=detail)], by=context.actor)
    return made


def _read(body: bytes, kind: type[Asked]) -> Asked:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadBody(f"the body is an object with {', '.join(kind.__struct_fields__)}") from error


# --- what was taken back


async def dispute(con: Connection, context: Context, body: bytes) -> Disputed:
    """Say of a sum that was taken back that it is disputed, or not any more. Raises NotThere, WhyMissing, BadBody."""
    asked = _read(body, Dispute)
    why = why_of(asked.why)
    await settlement.lock(con, context.tenant)
    found = await store.indu(con, context.tenant, await question(con, context), asked.subject)
    if found is None:
        raise NotThere("no such sum was taken back, or it is settled")
    invoice, part, disputed = found
    if disputed != asked.disputed:
        detail = {"disputed": asked.disputed, "why": why}
        await add_decision(con, context, "dispute", asked.subject, detail, invoice=invoice, part=part)
    return Disputed(asked.subject, asked.disputed)
