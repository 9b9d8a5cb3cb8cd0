# SPDX-License-Identifier: Apache-2.0
"""Files on their way: cancelled before they leave, awaited, sent again, given up, and counted at each stage."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies import store as anomalies_store
from desmos_fast.anomalies.model import Found, Kind
from desmos_fast.anomalies.service import why_of
from desmos_fast.base.clock import PARIS, paris_date
from desmos_fast.base.errors import NotThere
from desmos_fast.base.types import FileId, LotId, TenantId
from desmos_fast.db import journal, queue
from desmos_fast.db.journal import WORKER, Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import store as lots
from desmos_fast.lots.follow import rules, store
from desmos_fast.lots.follow.model import (
    Cancelled,
    CancelRequest,
    DeadAck,
    DeadAcks,
    Figures,
    FileLeft,
    FileNotAwaited,
    GivenUp,
    LotNotMissing,
    Resent,
    StageDiffers,
    StageTotal,
    Totals,
)
from desmos_fast.lots.model import SEND_FILE, FileState, SendFile
from desmos_fast.lots.store import Moved
from monitoring import metrics

MOST_SHOWN: Final = 1_000
# What a file is given up for that is not what it was any more.
CHANGED: Final = frozenset({"content_changed", "seal_broken", "lot_signature_broken"})
CANCELLABLE: Final = frozenset({FileState.QUEUED, FileState.DEAD})


# --- asked for by a key


async def cancel(con: Connection, context: Context, file: FileId, body: bytes) -> Cancelled:
    """Cancel a file that has not left: its lots are dissolved, their numbers stay used, and their shares wait for the next build.

    Raises NotThere, WhyMissing, FileLeft.
    """
    asked = _asked(body)
    why = why_of(asked.why)
    await lots.hold(con, context.tenant)
    found = await store.find_file(con, context.tenant, file)
    if found is None:
        raise NotThere("the centre has no such file")
    if found.state not in CANCELLABLE or found.sent_at is not None:
        raise FileLeft(f"the file is {found.state}", hint="what has left is answered, sent again or built again, never cancelled")
    if found.leaving_at is not None and not asked.not_received:
        raise FileLeft(
            "handing the file over was begun: its payer may have it",
            hint='wait for it to be sent; or, when its payer says that it does not have it, send "not_received": true',
        )
    dissolved, moved = await store.cancel(con, context.tenant, file)
    events = [Event("file.cancelled", file, detail={"name": found.name, "why": why, "not_received": asked.not_received})]
    events += [Event("lot.dissolved", lot, detail={"file": found.name}) for lot in dissolved]
    events += [Event("share.waiting", one.lot, one.invoice, one.part, {"why": why}) for one in moved]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    await anomalies.clear(con, context.tenant, context.now, Kind.FILE_DEAD, [file], by=context.actor)
    return Cancelled(id=file, lots=len(dissolved), shares=len(moved))


def _asked(body: bytes) -> CancelRequest:
    try:
        return msgspec.json.decode(body, type=CancelRequest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CancelRequest(why="")


async def resend(con: Connection, context: Context, file: FileId) -> Resent:
    """Queue again, with the same bytes, a file whose answer is missing. Raises NotThere, FileNotAwaited."""
    await lots.hold(con, context.tenant)
    if await store.find_file(con, context.tenant, file) is None:
        raise NotThere("the centre has no such file")
    missing = await store.still_missing(con, context.tenant, [file])
    times = await _again(con, context.tenant, context.now, file, context.actor) if missing else None
    if times is None:
        raise FileNotAwaited("no answer to this file is missing", hint="its answer is due two working days after it was sent")
    return Resent(id=file, resends=times)


async def give_up(con: Connection, context: Context, lot: LotId) -> GivenUp:
    """Hold a lot for refused whose answer is missing: the next build takes its invoices, under a new number.

    Raises NotThere, LotNotMissing.
    """
    await lots.hold(con, context.tenant)
    found = await store.give_up(con, context.tenant, lot)
    if found is None:
        if await store.lot_state(con, context.tenant, lot) is None:
            raise NotThere("the centre has no such lot")
        raise LotNotMissing("the answer to this lot is not missing, or its payer spoke of its invoices", hint="read its returns")
    file, moved = found
    events = [Event("lot.given_up", lot, detail={"file": str(file)})]
    events += [Event("lot.given_up", lot, one.invoice, one.part, {"trace": str(file)}) for one in moved]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    await closed(con, context.tenant, context.now, [file], by=context.actor)
    return GivenUp(id=lot, shares=len(moved))


async def dead_acks(con: Connection, context: Context) -> DeadAcks:
    """Return the answers that no lot takes."""
    return DeadAcks(await store.dead(con, context.tenant, MOST_SHOWN))


# --- the way of a file


async def built(con: Connection, tenant: TenantId, now: datetime, file: FileId, laid: Totals) -> None:
    """Keep what a file comes to as signed, in lots and laid out. Raises StageDiffers when these are not the same."""
    signed = await store.signed(con, tenant, file)
    in_lots = await _in_lots(con, tenant, file, signed)
    content = await store.file_hash(con, tenant, file)
    whole = StageTotal("file", laid, rules.chained(in_lots.hash, content))
    for one in (in_lots, whole):
        if different := rules.differences(signed, one):
            found = Found(Kind.STAGE_DIFFERS, file, _told(signed), _told(one), one.stage, file)
            hint = "nothing was built: look at the storage"
            raise StageDiffers(f"{one.stage} differs from signed: {different}", anomaly=found, hint=hint)
    await store.add_stages(con, tenant, now, file, [signed, in_lots, whole])


async def sent(con: Connection, tenant: TenantId, now: datetime, file: FileId, by: str) -> None:
    """Count a file that left against what was built, and set until when its answer is due."""
    due = rules.answer_due(paris_date(now))
    await store.await_answer(con, tenant, file, due, rules.resend_due(due))
    before = await store.stages(con, tenant, file)
    signed = await store.signed(con, tenant, file)
    in_lots = await _in_lots(con, tenant, file, signed)
    again = StageTotal("file", in_lots.totals, rules.chained(in_lots.hash, await store.file_hash(con, tenant, file)))
    left = StageTotal("sent", in_lots.totals, rules.chained(again.hash, b"sent"))
    await _compare(con, tenant, now, file, before, [signed, in_lots, again], by)
    await store.add_stages(con, tenant, now, file, [left])
    for kind in (Kind.FILE_DEAD, Kind.CONTENT_CHANGED):
        await anomalies.clear(con, tenant, now, kind, [file], by=by)


async def acknowledged(con: Connection, tenant: TenantId, now: datetime, files: Sequence[FileId], by: str) -> None:
    """Count files of which every lot has its answer against what left."""
    for file in files:
        before = await store.stages(con, tenant, file)
        said = await store.answers(con, tenant, file)
        totals = Totals(*(sum(getattr(one, name) for one in said) for name in ("invoices", "fees", "amo", "amc")))
        if "sent" not in before:
            continue
        now_known = StageTotal("acknowledged", totals, rules.chained(before["sent"].hash, rules.lots_said([one[:2] for one in said])))
        await _compare(con, tenant, now, file, {"acknowledged": before["sent"]}, [now_known], by, hashes=False)
        await store.add_stages(con, tenant, now, file, [now_known])


async def answered(con: Connection, tenant: TenantId, now: datetime, files: Sequence[FileId], by: str) -> None:
    """Take back the alarm for those of these files that miss no answer any more."""
    missing = await store.still_missing(con, tenant, files)
    await anomalies.clear(con, tenant, now, Kind.ACK_MISSING, [file for file in files if file not in missing], by=by)


async def closed(con: Connection, tenant: TenantId, now: datetime, files: Sequence[FileId], by: str) -> None:
    """Close files of which nothing is awaited any more, and take back their alarms."""
    events = []
    for file in files:
        state = await store.close(con, tenant, file)
        if state is not None:
            events.append(Event(f"file.{state}", file, detail={"why": "its last lot without an answer was given up"}))
    await journal.record(con, tenant, now, events, by=by)
    await answered(con, tenant, now, files, by)


async def died(con: Connection, tenant: TenantId, now: datetime, file: FileId, code: str) -> None:
    """Raise the alarm for a file that cannot be sent."""
    kind = Kind.CONTENT_CHANGED if code in CHANGED else Kind.FILE_DEAD
    await anomalies.note(con, tenant, now, [Found(kind, file, {"state": "sent"}, {"state": "dead", "code": code}, "sent", file)], by=WORKER)


async def replaced(con: Connection, context: Context, gone: Sequence[LotId]) -> None:
    """Link the lots that were replaced to those that took their place."""
    if not gone:
        return
    took: dict[LotId, list[str]] = {lot: [] for lot in gone}
    for new, old in await store.link(con, context.tenant, gone):
        took[old].append(str(new))
    events = [Event("lot.replaced", lot, detail={"by": sorted(new)}) for lot, new in took.items()]
    await journal.record(con, context.tenant, context.now, events, by=context.actor)


async def unmatched(con: Connection, tenant: TenantId, now: datetime, dead: Sequence[DeadAck], by: str) -> None:
    """Keep answers that no lot takes, and raise the alarm for each."""
    await store.add_dead(con, tenant, dead)
    kinds = {"unknown": Kind.ACK_UNKNOWN, "conflict": Kind.ACK_CONFLICT}
    found = [
        Found(kinds[one.why], one.id, None, {"lot": one.lot, "day": one.lot_date.isoformat(), "says": one.says, "code": one.code},
              "acknowledged")
        for one in dead
    ]  # fmt: skip
    await anomalies.note(con, tenant, now, found, by=by)


async def _in_lots(con: Connection, tenant: TenantId, file: FileId, signed: StageTotal) -> StageTotal:
    found = await store.lots(con, tenant, file)
    totals = Totals(*(sum(getattr(one, name) for one in found) for name in ("invoices", "fees", "amo", "amc")))
    return StageTotal("lot", totals, rules.chained(signed.hash, rules.lots_said(found)))


async def _compare(
    con: Connection, tenant: TenantId, now: datetime, file: FileId, before: dict[str, StageTotal], again: Sequence[StageTotal], by: str,
    *, hashes: bool = True,
) -> None:  # fmt: skip
    """Note the first stage that does not come to what it did; those after it stand on it."""
    for one in again:
        kept = before.get(one.stage)
        if kept is None or (kept.totals == one.totals and (kept.hash == one.hash or not hashes)):
            continue
        found = Found(Kind.STAGE_DIFFERS, file, _told(kept), _told(one), one.stage, file)
        await anomalies.note(con, tenant, now, [found], by=by)
        return


def _told(one: StageTotal) -> dict[str, object]:
    return {**one.totals._asdict(), "hash": one.hash.hex()}


async def figures(con: Connection, tenant: TenantId, now: datetime) -> Figures:
    """Count what is open at a centre, and what two ways of counting differ by."""
    odd = {kind: (count, max(0.0, (now - oldest).total_seconds())) for kind, count, oldest in await anomalies_store.counts(con, tenant)}
    differences = {"signed_shares": await store.unplaced(con, tenant), "files_sent": await store.misplaced(con, tenant)}
    return Figures(odd, differences)


# --- by itself, as time goes by


async def look(con: Connection, tenant: TenantId, now: datetime) -> None:
    """Do what the day asks for: alarms for answers that are missing, files sent again, warnings for invoices that wait too long."""
    today = paris_date(now)
    # A long build holds the shares of its centre: the others do not wait for it, and this one is looked at again soon.
    if await store.overdue(con, tenant, today) and await lots.try_hold(con, tenant):
        await _overdue(con, tenant, now, today)
    await _late(con, tenant, now, today)


async def _overdue(con: Connection, tenant: TenantId, now: datetime, today: date) -> None:
    late = await store.overdue(con, tenant, today)
    missed, members = await store.miss(con, tenant, now, [one.id for one in late])
    file_of = {lot.id: lot.file for lot in missed}
    events = [Event("lot.ack_missing", lot.id, detail={"trace": str(lot.file)}) for lot in missed]
    events += [_missing(one, file_of[one.lot]) for one in members]
    await journal.record(con, tenant, now, events, by=WORKER)
    metrics.acks_missing.inc(len(missed))
    found = [
        Found(Kind.ACK_MISSING, one.id, {"answer_by": one.ack_due.isoformat()}, {"lots": list(file_of.values()).count(one.id)},
              "acknowledged", one.id)
        for one in late if one.id in set(file_of.values())
    ]  # fmt: skip
    await anomalies.note(con, tenant, now, found, by=WORKER)
    for one in late:
        if one.resend and one.resends < rules.RESENDS:
            await _again(con, tenant, now, one.id, WORKER)


def _missing(one: Moved, file: FileId) -> Event:
    return Event("share.ack_missing", one.lot, one.invoice, one.part, {"trace": str(file)})


async def _again(con: Connection, tenant: TenantId, now: datetime, file: FileId, by: str) -> int | None:
    times = await store.queue_again(con, tenant, file)
    if times is not None:
        await queue.enqueue(con, SEND_FILE, [msgspec.json.encode(SendFile(tenant, file))])
        await journal.record(con, tenant, now, [Event("file.queued_again", file, detail={"times": times})], by=by)
        metrics.files_resent.inc()
    return times


async def _late(con: Connection, tenant: TenantId, now: datetime, today: date) -> None:
    paid, third_party = _end_of(rules.late_paid(today)), _end_of(rules.late_third_party(today))
    found = await store.late(con, tenant, paid, third_party)
    subject = UUID(str(tenant))
    if found.oldest is None:
        await anomalies.clear(con, tenant, now, Kind.SEND_LATE, [subject], by=WORKER)
        return
    expected = {"working_days_paid": rules.SEND_PAID, "working_days_third_party": rules.SEND_THIRD_PARTY}
    counted = {"paid": found.paid, "third_party": found.third_party, "oldest": paris_date(found.oldest).isoformat()}
    await anomalies.note(con, tenant, now, [Found(Kind.SEND_LATE, subject, expected, counted, "lot")], by=WORKER)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), PARIS)
