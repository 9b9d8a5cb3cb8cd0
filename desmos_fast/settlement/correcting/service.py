# SPDX-License-Identifier: Apache-2.0
"""Decide one thing for a centre, in one transaction; or try it and keep nothing."""

from collections.abc import Awaitable
from typing import Final, assert_never

import msgspec

from desmos_fast.db import journal
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import store as lots
from desmos_fast.settlement import store as settlement
from desmos_fast.settlement.correcting import closing, losing, matching, pieces, store
from desmos_fast.settlement.correcting.model import Decided, Done
from desmos_fast.settlement.decisions.model import (
    Accept,
    DecisionInvalid,
    FromPatient,
    InduAccept,
    InduContest,
    InduWriteOff,
    MatchRequest,
    Refuse,
    Request,
    Split,
    TimeBar,
    ToPatient,
    Undo,
    Unsplit,
    WriteOff,
)
from monitoring import metrics

_DECODER: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)


async def decide(con: Connection, context: Context, body: bytes) -> Decided:
    """Do what a person decided, and keep that it was decided.

    Decisions, runs and statements of a centre wait for each other, so what is looked at here does not change until the end.
    Raises DecisionInvalid, NotThere, and the conflicts of `decisions.model`.
    """
    made = await _decide(con, context, body)
    metrics.decisions.labels(made.kind).inc()
    return made


async def trial(con: Connection, context: Context, body: bytes) -> Decided:
    """Return what a decision would answer now; nothing of it stays. Raises what `decide` raises."""
    attempt = con.transaction()
    await attempt.start()
    try:
        return await _decide(con, context, body)
    finally:
        await attempt.rollback()


async def _decide(con: Connection, context: Context, body: bytes) -> Decided:
    asked = _read(body)
    await settlement.lock(con, context.tenant)
    await lots.hold(con, context.tenant)
    for record in await store.records(con, context.tenant, asked.expects) if asked.expects else ():
        await matching.check_holds(con, context, record)
    done = await _done(con, context, asked)
    entries = await journal.post(con, context.tenant, context.now, done.entries)
    decision = done.decision
    return Decided(
        id=decision.id, seq=decision.seq, kind=decision.kind, subject=decision.subject, detail=decision.detail, matches=done.matches,
        entries=entries,
    )  # fmt: skip


def _read(body: bytes) -> Request:
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecisionInvalid(f"this is no decision: {error}", hint="the page of decisions has the keys of each kind") from error


def _done(con: Connection, context: Context, asked: Request) -> Awaitable[Done]:
    match asked:
        case MatchRequest():
            return matching.match(con, context, asked)
        case Accept():
            return matching.accept(con, context, asked)
        case Refuse():
            return matching.refuse(con, context, asked)
        case Undo():
            return matching.undo(con, context, asked)
        case Split():
            return pieces.split(con, context, asked)
        case Unsplit():
            return pieces.unsplit(con, context, asked)
        case WriteOff() | ToPatient() | FromPatient() | TimeBar() | InduContest() | InduAccept():
            return closing.of_share(con, context, asked)
        case InduWriteOff():
            return losing.write_off(con, context, asked)
        case _:
            assert_never(asked)
