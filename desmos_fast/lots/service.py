# SPDX-License-Identifier: Apache-2.0
"""What waits becomes numbered lots and queued files; files are given back, and said to be sent or dead."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, TypeAlias

import msgspec

from desmos_fast.anomalies.model import Found, Kind
from desmos_fast.base.errors import NotThere
from desmos_fast.base.types import FileId, LotId, TenantId, uuid7
from desmos_fast.db import journal, kernel, numbers, queue
from desmos_fast.db.journal import Event
from desmos_fast.db.keyring import TenantKeys
from desmos_fast.db.pool import Connection
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.identity.context import Context
from desmos_fast.identity.service import keep_apart
from desmos_fast.lots import assembly, codec, rules, signing, store
from desmos_fast.lots.assembly import Claims, Draft, Laid
from desmos_fast.lots.codec import decode_request
from desmos_fast.lots.follow import service as follow
from desmos_fast.lots.follow import store as follow_store
from desmos_fast.lots.follow.model import Totals
from desmos_fast.lots.model import (
    SEND_FILE,
    Built,
    BuiltFile,
    BuiltLot,
    ContentChanged,
    FileContent,
    FileShown,
    LotShown,
    SendFile,
    SharesMoved,
)
from desmos_fast.lots.recipients.reading import load_recipients
from desmos_fast.lots.signing import HealthCardBackend, LotPlace
from desmos_fast.lots.store import Member, Moved, NewFile, NewLot, Queue
from monitoring import metrics

TABLE: Final = "file"
# So many invoices are objects at a time: enough for a thread to be worth its while.
AT_ONCE: Final = 5_000
# The shares of so many claims are moved at once: each time, whatever still waits is looked through.
MEMBERS_AT_ONCE: Final = 100_000
# Who signed a lot, the signature, and the lines of the file that it is of.
Signed: TypeAlias = tuple[str, bytes, int, int] | tuple[None, None, None, None]
UNSIGNED: Final = (None, None, None, None)


class Stored(NamedTuple):
    """A file that is kept, without its bytes: as it was laid out, as it is stored, its lots, and the claims that are to go in them."""

    built: BuiltFile
    file: NewFile
    lots: list[NewLot]
    members: list[Member]


async def build(con: Connection, context: Context, body: bytes) -> Built:
    """Put every share of the centre that waits in numbered lots, lay out their files and queue them; nothing waiting makes no file.

    Raises what `make` raises.
    """
    await keep_apart(con, context)
    built = await make(con, context, body)
    metrics.lots_sealed.inc(built.lots)
    metrics.files_queued.inc(len(built.files))
    return built


async def make(con: Connection, context: Context, body: bytes) -> Built:
    """Do what `build` does without counting it, for a caller who may undo it.

    Raises FaultyInput for the settings, LotNumbersExhausted, ContentChanged, SharesMoved, StageDiffers.
    """
    settings = decode_request(body, context.today.isoformat())
    await store.hold(con, context.tenant)
    waiting = await store.waiting(con, context.tenant, context.finess)
    if not waiting.ids:
        return Built()
    claims = await _open(con, context, waiting)
    planned = await asyncio.to_thread(codec.plan, claims.rows, settings, load_recipients())
    # Read now, while nobody else may build here, and written at the very end: nobody waits for our numbers longer than for our commit.
    before = await store.taken(con, context.tenant, "lot", context.finess)
    files_before = await store.taken(con, context.tenant, "file", context.finess)
    in_use = await store.unanswered(con, context.tenant, context.finess)
    draft = assembly.number(claims, context.finess, settings, planned, files_before + 1, before, in_use)
    files, shares = await _keep(con, context, draft)
    await _take(con, context, "file", files_before, len(files))
    # Numbers that were stepped over are taken too: the counter stands at the last one given.
    await _take(con, context, "lot", before, draft.counted[-1] - before)
    return Built(files=tuple(files), lots=len(draft.counted), shares=shares, invoices=len(waiting.whole))


async def _take(con: Connection, context: Context, kind: str, before: int, count: int) -> None:
    """Write the numbers that were given. Raises SharesMoved when others were given meanwhile, which the lock on the shares prevents."""
    if await numbers.take(con, context.tenant, kind, context.finess, count) != before + 1:
        raise SharesMoved(f"numbers of a {kind} were given meanwhile; nothing was built", hint="build again")


async def _open(con: Connection, context: Context, waiting: Queue) -> Claims:
    """Read what waits and open it, some at a time; what comes next is read meanwhile."""
    claims = assembly.no_claims()
    ahead = await store.contents(con, context.tenant, waiting.some(0, AT_ONCE))
    for start in range(AT_ONCE, len(waiting.whole), AT_ONCE):
        opening = asyncio.to_thread(assembly.open_claims, context.keys, context.tenant, ahead, claims)
        _, ahead = await asyncio.gather(opening, store.contents(con, context.tenant, waiting.some(start, AT_ONCE)))
    await asyncio.to_thread(assembly.open_claims, context.keys, context.tenant, ahead, claims)
    return claims


async def _keep(con: Connection, context: Context, draft: Draft) -> tuple[list[FileShown], int]:
    """Lay out, keep and queue every file; return what is shown of them, and how many shares went in."""
    files: list[FileShown] = []
    replaced: list[LotId] = []
    some: list[Stored] = []
    shares = 0
    laying = assembly.lay_out(draft, context.finess)
    # One file after the other: what is laid out is stored before the next one is, so that memory holds one.
    while (laid := await asyncio.to_thread(next, laying, None)) is not None:
        some.append(await _store(con, context, laid))
        if len(files) + len(some) == len(draft.planned.files) or sum(len(one.members) for one in some) >= MEMBERS_AT_ONCE:
            replaced += await store.retire(con, context.tenant, [member for one in some for member in one.members])
            shares += await _fill(con, context, some)
            files += [_shown(one.built, one.file, one.lots) for one in some]
            some = []
    await follow.replaced(con, context, replaced)
    return files, shares


async def _store(con: Connection, context: Context, laid: Laid) -> Stored:
    """Seal a file, keep it and its lots, and return all of it but its bytes."""
    file, lots, members = await asyncio.to_thread(_rows, context, laid)
    await store.add_files(con, context.tenant, [file], context.now)
    await store.add_lots(con, context.tenant, lots, context.now)
    return Stored(msgspec.structs.replace(laid.file, content=b""), file._replace(sealed=b""), lots, members)


async def _fill(con: Connection, context: Context, some: Sequence[Stored]) -> int:
    """Put the shares of some files in their lots, and queue the files; return how many shares there are."""
    members = [member for one in some for member in one.members]
    moved = await store.fill(con, context.tenant, members)
    if len({(share.invoice, share.flow) for share in moved}) != len(members):
        raise SharesMoved("a share was decided otherwise while its lot was built; nothing was built", hint="build again")
    events = await asyncio.to_thread(_events, some, moved)
    await journal.record(con, context.tenant, context.now, events, by=context.actor)
    for one in some:
        whole = Totals(one.built.invoices, one.built.fees, one.built.amo, one.built.amc)
        await follow.built(con, context.tenant, context.now, one.file.id, whole)
    await queue.enqueue(con, SEND_FILE, [msgspec.json.encode(SendFile(context.tenant, one.file.id)) for one in some])
    return len(moved)


def _rows(context: Context, laid: Laid) -> tuple[NewFile, list[NewLot], list[Member]]:
    file = _sealed(context, laid.file)
    lots = _new_lots(laid, file.id)
    return file, lots, list(_members(laid, lots))


def _sealed(context: Context, file: BuiltFile) -> NewFile:
    name = FileId(uuid7())
    (blob,) = kernel.seal(context.keys, TABLE, context.tenant, [name], [file.content])
    return NewFile(
        name, file.biller, file.sequence, file.name, date.fromisoformat(file.date), load_pack().profile,
        len(file.content), hashlib.sha256(file.content).digest(), blob,
    )  # fmt: skip


def _new_lots(laid: Laid, file: FileId) -> list[NewLot]:
    card = signing.chosen()
    named = zip(laid.file.lots, laid.counted, journal.ids(len(laid.file.lots)), strict=True)
    return [
        NewLot(
            LotId(name), laid.file.biller, *rules.lot_place(taken), lot.flow, int(lot.regime + lot.caisse + lot.centre),
            int(lot.amc_number or 0), lot.security, date.fromisoformat(lot.date), lot.invoices, lot.fees, lot.amo, lot.amc, file,
            *_signed(card, laid.file, lot),
        )
        for lot, taken, name in named
    ]  # fmt: skip


def _signed(card: HealthCardBackend, file: BuiltFile, lot: BuiltLot) -> Signed:
    place = LotPlace(file.biller, lot.number, date.fromisoformat(lot.date), lot.first_records[0] - 1, lot.records)
    signature = card.sign_lot(place.within(file.content))
    return UNSIGNED if signature is None else (*signature, place.first_record, place.records)


def _members(laid: Laid, lots: Sequence[NewLot]) -> Iterable[Member]:
    for lot, new in zip(laid.file.lots, lots, strict=True):
        for row, record in zip(lot.rows, lot.first_records, strict=True):
            yield Member(new.id, laid.claims.invoice(row), lot.flow, record)


def _events(some: Sequence[Stored], moved: Sequence[Moved]) -> list[Event]:
    events: list[Event] = []
    told: dict[LotId, dict[str, object]] = {}
    for one in some:
        for lot in one.lots:
            events.append(Event("lot.sealed", lot.id, detail={"number": lot.number, "cycle": lot.cycle, "file": one.file.name}))
            told[lot.id] = {"lot": lot.number, "trace": str(one.file.id)}
        events.append(Event("file.queued", one.file.id, detail={"name": one.file.name}))
    return events + [Event("share.lotted", share.lot, share.invoice, share.part, told[share.lot]) for share in moved]


def _shown(built: BuiltFile, file: NewFile, lots: Sequence[NewLot]) -> FileShown:
    return FileShown(
        id=file.id,
        name=file.name,
        sequence=file.sequence,
        size=file.size,
        sha256=file.sha256.hex(),
        lots=tuple(_lot_shown(lot, new) for lot, new in zip(built.lots, lots, strict=True)),
    )


def _lot_shown(lot: BuiltLot, new: NewLot) -> LotShown:
    return LotShown(
        id=new.id, number=lot.number, cycle=new.cycle, flow=lot.flow, regime=lot.regime, caisse=lot.caisse, centre=lot.centre,
        amc_number=lot.amc_number or None, security=lot.security, invoices=lot.invoices, fees=lot.fees, amo=lot.amo, amc=lot.amc,
    )  # fmt: skip


async def content(con: Connection, context: Context, file: FileId) -> FileContent:
    """Return a file of the centre as it is sent. Raises NotThere, ContentChanged, SealBroken, SignatureBroken."""
    found = await store.find_file(con, context.tenant, file)
    if found is None:
        raise NotThere("the centre has no such file")
    return await opened(context.keys, context.tenant, found)


async def opened(keys: TenantKeys, tenant: TenantId, kept: store.KeptFile) -> FileContent:
    """Open a file that was kept and check that it is what was laid out and signed. Raises ContentChanged, SealBroken, SignatureBroken."""

    def work() -> bytes:
        (data,) = kernel.unseal(keys, TABLE, tenant, [kept.id], [kept.sealed])
        if hashlib.sha256(data).digest() != kept.sha256:
            odd = Found(Kind.CONTENT_CHANGED, kept.id, stage="file", trace=kept.id)
            raise ContentChanged(f"file {kept.id} is not what was laid out", anomaly=odd, hint="look at the storage")
        signing.check(kept.signed, data)
        return data

    return FileContent(kept.name, await asyncio.to_thread(work))


async def mark_leaving(con: Connection, tenant: TenantId, now: datetime, file: FileId) -> bool:
    """Say that a file is about to be handed over, so that nobody cancels it; return False when it is not to leave any more."""
    return await follow_store.leaving(con, tenant, now, file)


async def mark_sent(
    con: Connection, tenant: TenantId, now: datetime, file: FileId, *, to: str | None = None, by: str = journal.WORKER
) -> bool:
    """Say that a file left, `to` whom if that is known, with its lots and their shares; return False when it was said before."""
    await store.hold(con, tenant)
    sent = await store.send(con, tenant, file, now)
    if sent is None:
        return False
    name, moved = sent
    events = [Event("file.sent", file, detail={"name": name} | ({} if to is None else {"recipient": to}))]
    events += [Event("share.sent", one.lot, one.invoice, one.part, {"trace": str(file)}) for one in moved]
    await journal.record(con, tenant, now, events, by=by)
    await follow.sent(con, tenant, now, file, by)
    return True


async def mark_dead(con: Connection, tenant: TenantId, now: datetime, file: FileId, code: str) -> bool:
    """Say that a file could not be sent, and for which error; return False when it is no longer queued."""
    await store.hold(con, tenant)
    name = await store.give_up(con, tenant, file)
    if name is None:
        return False
    await journal.record(con, tenant, now, [Event("file.dead", file, detail={"name": name, "code": code})], by=journal.WORKER)
    await follow.died(con, tenant, now, file, code)
    return True
