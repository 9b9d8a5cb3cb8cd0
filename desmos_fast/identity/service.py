# SPDX-License-Identifier: Apache-2.0
"""Register centres, make their keys, and tell who calls."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import msgspec
import structlog

from desmos_fast.base.types import KeyKind, TenantId, uuid7
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity import store
from desmos_fast.identity.audit import service as audit
from desmos_fast.identity.audit.model import Access
from desmos_fast.identity.context import Context
from desmos_fast.identity.hashing import hash_key
from desmos_fast.identity.model import (
    ADMIN,
    LONGEST_LIFE,
    LONGEST_OVERLAP,
    OVERLAP,
    Caller,
    Centre,
    CentreExists,
    Key,
    KeyAsked,
    KeyEnded,
    KeyFound,
    KeyMade,
    KeyPage,
    KeyRefused,
    NoSuchKey,
    OtherData,
    RotationAsked,
    UnknownCentre,
    UnknownKey,
    check_asked,
    check_centre,
    is_session,
    kind_of,
    new_secret,
)
from desmos_fast.identity.people import store as people

# Counted from before the database is asked: a key that is revoked is refused within a second by every process.
KEPT_S: Final = 0.9
KEPT_MOST: Final = 10_000
# What is left of that time when a key in use is looked up again.
AGAIN_BEFORE: Final = 0.5
log: Final = structlog.get_logger("desmos.identity")
T = TypeVar("T", bound=msgspec.Struct)


class KeyBook:
    """Who has which key: asked of the database once for all who wait for it, then remembered for less than a second."""

    __slots__ = ("_asked", "_kept_s", "_known", "_noting", "_pepper", "_unnoted")

    def __init__(self, pepper: bytes, *, kept_s: float = KEPT_S) -> None:
        self._pepper = pepper
        self._kept_s = kept_s
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._asked: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._noting: set[asyncio.Task[None]] = set()
        # Whose last use is to be noted once they do something.
        self._unnoted: set[bytes] = set()

    @property
    def pepper(self) -> bytes:
        """Return what the HMACs of keys are made with."""
        return self._pepper

    async def authenticate(self, pool: Pool, secret: str, *, by_itself: bool = False) -> Caller:
        """Return who calls with this key; what a page asks `by_itself` is no use of a session, which ends meanwhile.

        Raises UnknownKey, and DatabaseDown when a key must be looked up and cannot be.
        """
        if kind_of(secret) is None and not is_session(secret):
            raise UnknownKey("this is neither an API key nor the token of a session")
        hashed = hash_key(self._pepper, secret)
        kept = self._known.get(hashed)
        if kept is not None and time.monotonic() < kept[0]:
            return self._used(pool, hashed, kept[1], by_itself=by_itself)
        asked = self._asked.get(hashed) or self._look_up(pool, secret, hashed)
        # Who goes away does not take the answer from those who wait with him.
        caller = await asyncio.shield(asked)
        if caller is None:
            raise UnknownKey("this API key or session is unknown or has ended")
        return self._used(pool, hashed, caller, by_itself=by_itself)

    def _used(self, pool: Pool, hashed: bytes, caller: Caller, *, by_itself: bool = False) -> Caller:
        if hashed in self._unnoted and (caller.person is None or not by_itself):
            self._unnoted.discard(hashed)
            task = asyncio.create_task(_note_use(pool, caller))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)
        return caller

    def recall(self, pool: Pool, secret: str) -> Caller | None:
        """Return who calls with this key while it need not be looked up, None when it must be.

        A key in use is looked up again before it must be, so that nobody who uses it waits for that.
        """
        hashed = hash_key(self._pepper, secret)
        kept = self._known.get(hashed)
        left = -1.0 if kept is None else kept[0] - time.monotonic()
        if kept is None or left <= 0:
            return None
        if left < self._kept_s * AGAIN_BEFORE and hashed not in self._asked:
            self._look_up(pool, secret, hashed).add_done_callback(_unasked)
        return self._used(pool, hashed, kept[1])

    def _look_up(self, pool: Pool, secret: str, hashed: bytes) -> "asyncio.Task[Caller | None]":
        ask = people.authenticate if is_session(secret) else store.authenticate
        asked = self._asked[hashed] = asyncio.create_task(self._ask(pool, hashed, ask))
        return asked

    async def _ask(self, pool: Pool, hashed: bytes, ask: Callable[[Pool, bytes], Awaitable[KeyFound | None]]) -> Caller | None:
        started = time.monotonic()
        try:
            found = await ask(pool, hashed)
        finally:
            del self._asked[hashed]
        self._unnoted.discard(hashed)
        if found is None:
            self._known.pop(hashed, None)
            return None
        if len(self._known) >= KEPT_MOST:
            self._known.clear()
            self._unnoted.clear()
        kept_s = self._kept_s if found.left_s is None else min(self._kept_s, found.left_s)
        self._known[hashed] = (started + kept_s, found.caller)
        if found.stale:
            self._unnoted.add(hashed)
        return found.caller

    async def close(self) -> None:
        """Wait until what is being noted is, and nothing is looked up."""
        await asyncio.gather(*self._noting)
        await asyncio.gather(*self._asked.values(), return_exceptions=True)


def _unasked(asked: "asyncio.Task[Caller | None]") -> None:
    """Take note of how a look-up ended that nobody may wait for: whoever must know looks up again, and is told."""
    if not asked.cancelled() and (error := asked.exception()) is not None:
        log.debug("a key could not be looked up again", error=type(error).__name__)


async def _note_use(pool: Pool, caller: Caller) -> None:
    """Note that a key is used, beside the request that it came with. What cannot be noted now is noted within a minute of use."""
    try:
        async with transaction(pool, caller.tenant) as con:
            if caller.person is None:
                await store.note_use(con, caller.tenant, caller.key_id)
            else:
                await people.note_use(con, caller.tenant, caller.person.session, caller.key_id)
    except DatabaseDown as error:
        log.warning("the use of a key could not be noted", key=str(caller.key_id), error=error.detail)


# --- centres


async def add_centre(con: Connection, finess: str, name: str) -> Centre:
    """Register a centre; the same FINESS and name again give the centre that is there.

    `con` belongs to the owner of the tables. Raises BadCentre, CentreExists.
    """
    check_centre(finess, name)
    found = await store.add_centre(con, Centre(id=TenantId(uuid7()), finess=finess, name=name))
    if found.name != name:
        raise CentreExists(f"{finess} is registered under another name")
    return found


async def find_centre(con: Connection, finess: str) -> Centre:
    """Return the centre of a FINESS. `con` belongs to the owner of the tables. Raises UnknownCentre."""
    centre = await store.find_centre(con, finess)
    if centre is None:
        raise UnknownCentre(f"no centre has the FINESS {finess!r}", hint="register it with `desmos-fast centre add`")
    return centre


# What a centre's data are never changes: what was seen once is known. Of a row that this transaction makes nobody can say that yet.
_SEEN: Final[dict[TenantId, KeyKind]] = {}


async def keep_apart(con: Connection, context: Context, *, first: bool = False) -> None:
    """Let synthetic and real people never stand in one centre: what bills `first` says which they are. Raises OtherData.

    What an operator or a worker does goes on with what is there.
    """
    if context.by is not None:
        return
    kind = _SEEN.get(context.tenant)
    if kind is None:
        kind = await store.data_kind(con, context.tenant)
        if kind is not None:
            _SEEN[context.tenant] = kind
        elif first:
            kind = await store.claim_kind(con, context.tenant, context.kind)
    if kind not in (None, context.kind):
        held = "test data, of synthetic people" if kind == "test" else "data of real people"
        raise OtherData(f"this centre holds {held}", hint=f"a {context.kind} key bills for a centre of its own: desmos-fast centre add")


def known_apart(context: Context) -> bool:
    """Say whether it is known, without asking, that the centre holds data of the kind of this caller's."""
    return context.by is None and _SEEN.get(context.tenant) == context.kind


async def list_centres(con: Connection) -> list[Centre]:
    """Return every centre. `con` belongs to the owner of the tables."""
    return await store.list_centres(con)


# --- keys; with `kind` only those of one kind are there: a test key never shows, makes or ends a live one


async def new_key(con: Connection, finess: str, kind: KeyKind, *, pepper: bytes) -> str:
    """Make an API key that may do everything, for a centre, and return it: the only time that it can be read.

    `con` belongs to the owner of the tables. Raises UnknownCentre.
    """
    centre = await find_centre(con, finess)
    secret = new_secret(kind)
    await store.add_key(con, centre.id, _key(kind, KeyAsked(roles=(ADMIN,)), datetime.now(UTC)), hash_key(pepper, secret))
    return secret


async def make_key(con: Connection, tenant: TenantId, kind: KeyKind, asked: KeyAsked, now: datetime, *, by: str, pepper: bytes) -> KeyMade:
    """Make a key and return it with its secret, for the only time. Raises KeyRefused."""
    return await _add(con, tenant, _key(kind, check_asked(asked, now), now), now, "key.created", by, pepper)


async def rotate_key(
    con: Connection, tenant: TenantId, kind: KeyKind | None, key_id: UUID, overlap: timedelta, now: datetime, *, by: str, pepper: bytes
) -> KeyMade:
    """Make a key like another one, which ends after `overlap`: until then both work. A new end is as far off as the old one was at first.

    Raises NoSuchKey, KeyEnded, KeyRefused.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise KeyRefused(f"both keys work for 0 to {int(LONGEST_OVERLAP.total_seconds())} seconds")
    old = await _found(con, tenant, kind, key_id)
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise KeyEnded("this key has ended", hint="make a new one")
    span = await store.lasting(con, tenant, key_id)
    lasting = None if span is None else min(span, LONGEST_LIFE)
    until = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    await store.expire(con, tenant, key_id, until)
    asked = KeyAsked(roles=old.roles, label=old.label, expires_at=None if lasting is None else now + lasting)
    made = msgspec.structs.replace(_key(old.kind, asked, now), replaces=old.id)
    return await _add(con, tenant, made, now, "key.rotated", by, pepper)


async def revoke_key(con: Connection, tenant: TenantId, kind: KeyKind | None, key_id: UUID, now: datetime, *, by: str) -> None:
    """End a key: every process refuses it within a second. One that was revoked stays so. Raises NoSuchKey."""
    old = await _found(con, tenant, kind, key_id)
    if old.revoked_at is None:
        await store.revoke(con, tenant, key_id, now)
        await audit.append(con, tenant, [Access(now, by, "key.revoked", str(key_id))])


async def list_keys(
    con: Connection, tenant: TenantId, kind: KeyKind | None, before: UUID | None, limit: int, cursor: Callable[[UUID], str]
) -> KeyPage:
    """Return one page of the keys of a centre, the newest first, those that ended too; `cursor` writes where the next page begins."""
    found = await store.keys(con, tenant, kind, before, limit + 1)
    shown = list(found[:limit])
    return KeyPage(shown, cursor(shown[-1].id) if len(found) > len(shown) else None)


def read_asked(body: bytes) -> KeyAsked:
    """Return the key that a body asks for. Raises KeyRefused."""
    return _read(body, KeyAsked)


def read_rotation(body: bytes) -> timedelta:
    """Return how long both keys work, as a body or the default says. Raises KeyRefused."""
    seconds = _read(body, RotationAsked).overlap_s if body else int(OVERLAP.total_seconds())
    # Far beyond what is allowed it would be no span of time at all.
    return timedelta(seconds=max(-1, min(seconds, int(LONGEST_OVERLAP.total_seconds()) + 1)))


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # The library's words repeat names of keys, which may be anything.
        raise KeyRefused(f"the body is an object with {', '.join(shape.__struct_fields__)}, each in its form") from error


def _key(kind: KeyKind, asked: KeyAsked, now: datetime) -> Key:
    return Key(id=uuid7(), kind=kind, label=asked.label, roles=asked.roles, created_at=now, expires_at=asked.expires_at)


async def _found(con: Connection, tenant: TenantId, kind: KeyKind | None, key_id: UUID) -> Key:
    key = await store.lock_key(con, tenant, key_id)
    if key is None or kind not in (None, key.kind):
        raise NoSuchKey("no such key")
    return key


async def _add(con: Connection, tenant: TenantId, key: Key, now: datetime, action: str, by: str, pepper: bytes) -> KeyMade:
    secret = new_secret(key.kind)
    await store.add_key(con, tenant, key, hash_key(pepper, secret))
    told = f"kind={key.kind}&roles={','.join(key.roles)}" + (f"&replaces={key.replaces}" if key.replaces else "")
    await audit.append(con, tenant, [Access(now, by, action, str(key.id), filter=told)])
    return KeyMade(**msgspec.structs.asdict(key), secret=secret)
