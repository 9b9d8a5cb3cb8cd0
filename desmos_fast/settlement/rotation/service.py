# SPDX-License-Identifier: Apache-2.0
"""Change the master key while the service runs: rows are sealed anew and patients get their new index, some at a time.

A patient's invoices, lines of orders and reminders change their index in one transaction, and what is written meanwhile under the former
one follows (`moved_index`): whoever compares indexes finds all of a patient's rows equal at any instant.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.billing.sealed import unpack_wire
from desmos_fast.db import kernel
from desmos_fast.db.keyring import Keyring, KeySource, KeyUse, TenantKeys
from desmos_fast.db.masters import FOLLOW_S
from desmos_fast.db.pool import Connection, DatabaseDown
from desmos_fast.db.tenant import direct
from desmos_fast.identity.people import seals
from desmos_fast.returns import codec
from desmos_fast.returns.model import RspFile
from desmos_fast.settlement.rotation import store
from desmos_fast.settlement.rotation.model import KeyShown, Left, Rotated, RotationStuck
from desmos_fast.settlement.rotation.store import Row

BATCH: Final = 1000
# A return may hold a hundred thousand lines, and a file as many invoices.
LARGE: Final = 4
GRACE_S: Final = 120.0
NONE: Final = UUID(int=0)
Progress = Callable[[int, int], None]


class _Insured(msgspec.Struct):
    insured_nir: str


class Change(NamedTuple):
    """From which master key to which."""

    former: int
    present: int


async def show(con: Connection) -> list[KeyShown]:
    """Return the master keys, the first one included."""
    after = await store.keys(con)
    return [KeyShown(0, True, True, not after), *after]


async def make(dsn: str, source: KeySource) -> int:
    """Make the key that the next change goes to, and return its number: for hosts that must have it before anybody uses it.

    Raises RotationRuns, OutsideFailed.
    """
    async with store.alone(dsn) as con:
        newest, begun = await store.unfinished(con)
        number = newest if begun else newest + 1
        await asyncio.to_thread(source.make, number)
        return number


async def rotate(dsn: str, source: KeySource, progress: Progress, *, people: bytes | None = None, grace_s: float = GRACE_S) -> Rotated:
    """Move every row to a new master key, or go on with a change that was begun; `dsn` is the owner's.

    `people` opens the code generators that were sealed before master keys did that. `grace_s` is how long a request may go on that began
    before its process took the new key. Raises RotationRuns, RotationStuck, SealBroken, DatabaseDown; what was moved by then stays moved.
    """
    async with store.alone(dsn) as con:
        change = await _begin(con, source)
        ring = Keyring(source=source)
        names = await store.tables(con)
        head = kernel.head_of(change.present)
        total = sum([(await _left(dsn, tenant, head, names)).sealed for tenant in await store.tenants(con)])
        total += await store.left_accounts(con, head)
        work = _Work(dsn, ring, change, names, progress, total, people)
        await asyncio.sleep(min(2 * FOLLOW_S, grace_s))
        await work.everything(await store.tenants(con))
        await store.index_under(con, change.present)
        await asyncio.sleep(grace_s)
        await work.until_nothing_is_left(con)
        await store.finish(con, change.present)
    return Rotated(change.former, change.present, work.done)


async def _begin(con: Connection, source: KeySource) -> Change:
    newest, begun = await store.unfinished(con)
    if not begun:
        newest += 1
        # Kept for good before anything says that it is there.
        await asyncio.to_thread(source.make, newest)
        await store.add(con, newest)
    await store.begin(con, newest)
    return Change(newest - 1, newest)


async def _left(dsn: str, tenant: UUID, head: bytes, names: Sequence[str]) -> Left:
    async with direct(dsn, tenant) as con:
        return await store.left(con, tenant, head, names)


class _Work:
    """Moves rows, a batch a transaction."""

    def __init__(
        self, dsn: str, ring: Keyring, change: Change, names: Sequence[str], progress: Progress, total: int, people: bytes | None
    ) -> None:
        self._dsn = dsn
        self._ring = ring
        self._change = change
        self._names = names
        self._progress = progress
        self._total = total
        self._people = people
        self._head = kernel.head_of(change.present)
        self.done = 0

    async def everything(self, tenants: Sequence[UUID]) -> int:
        """Move what is there of every table and centre; return how many rows were looked at."""
        return sum([await self._table(tenant, name) for tenant, name in itertools.product(tenants, self._names)]) + await self._accounts()

    async def until_nothing_is_left(self, con: Connection) -> None:
        """Move what came meanwhile, as long as it becomes less. Raises RotationStuck."""
        before: int | None = None
        while True:
            tenants = await store.tenants(con)
            left = [await _left(self._dsn, tenant, self._head, self._names) for tenant in tenants]
            sealed = sum(one.sealed for one in left) + await store.left_accounts(con, self._head)
            count = sealed + sum(one.indexed for one in left)
            if not count:
                return
            if before is not None and count >= before:
                raise RotationStuck(
                    f"{sealed} rows and {sum(one.indexed for one in left)} indexes are left under the former key",
                    hint="both keys stay in use; the patient of a line is read from its return: is it of other layouts (DESMOS_LAYOUTS)?",
                )
            before = count
            await self.everything(tenants)

    async def _table(self, tenant: UUID, name: str) -> int:
        former = self._ring.under(tenant, KeyUse(self._change.former, self._change.former))
        present = self._ring.under(tenant, KeyUse(self._change.present, self._change.present))
        after, looked = NONE, 0
        while True:
            rows = await self._batch(tenant, name, after, former, present)
            if not rows:
                return looked
            after, looked = rows[-1].id, looked + len(rows)

    async def _accounts(self) -> int:
        """Move the secrets of code generators."""
        keys = self._ring.under(seals.HOUSE, KeyUse(self._change.present, self._change.present))
        after, looked = NONE, 0
        while True:
            async with direct(self._dsn) as con:
                rows = await store.accounts(con, self._head, after, BATCH)
                if not rows:
                    return looked
                await store.reseal_accounts(con, rows, await asyncio.to_thread(_resealed, keys, self._people, rows))
            after, looked = rows[-1].id, looked + len(rows)
            self._tell(len(rows))

    def _tell(self, fresh: int) -> None:
        self.done += fresh
        self._total = max(self._total, self.done)
        self._progress(self.done, self._total)

    async def _batch(self, tenant: UUID, name: str, after: UUID, former: TenantKeys, present: TenantKeys) -> list[Row]:
        """Move the next rows of a table, again for as long as others keep it waiting."""
        while True:
            try:
                async with direct(self._dsn, tenant) as con:
                    rows = await store.rows(con, tenant, name, self._head, after, LARGE if name in ("file", "return_file") else BATCH)
                    if not rows or await self._move(con, tenant, name, rows, former, present):
                        break
            except store.WAITED_FOR:
                pass
            except DatabaseDown as error:
                if not isinstance(error.__cause__, store.WAITED_FOR):
                    raise
            await asyncio.sleep(store.PAUSE_S)
        self._tell(sum(not row.sealed.startswith(self._head) for row in rows))
        return rows

    async def _move(self, con: Connection, tenant: UUID, name: str, rows: list[Row], former: TenantKeys, present: TenantKeys) -> bool:
        sealed, moves = await asyncio.to_thread(_anew, tenant, name, rows, former, present)
        if moves:
            wanted = await store.still(con, tenant, list(moves))
            if wanted:
                if not await store.hold(con, tenant):
                    return False
                await store.move(con, tenant, [(one, moves[one]) for one in sorted(wanted)])
        await store.reseal(con, tenant, name, list(sealed), list(sealed.values()))
        return True


def _resealed(keys: TenantKeys, people: bytes | None, rows: Sequence[Row]) -> list[bytes]:
    return [seals.seal(keys, row.id, seals.unseal(keys, people, row.id, row.sealed)) for row in rows]


def _anew(
    tenant: UUID, name: str, rows: Sequence[Row], former: TenantKeys, present: TenantKeys
) -> tuple[dict[UUID, bytes], dict[bytes, bytes]]:
    """Return the rows that are not sealed under the present key, sealed under it, and what the indexes of the patients in them become."""
    ids = [row.id for row in rows]
    plain = kernel.unseal(present, name, tenant, ids, [row.sealed for row in rows])
    nirs = _patients(name, plain)
    moves = dict(zip(kernel.blind_index(former, nirs), kernel.blind_index(present, nirs), strict=True))
    head = kernel.head_of(present.number)
    old = {row.id: content for row, content in zip(rows, plain, strict=True) if not row.sealed.startswith(head)}
    return dict(zip(old, kernel.seal(present, name, tenant, list(old), list(old.values())), strict=True)), moves


def _patients(name: str, plain: Sequence[bytes]) -> list[str]:
    if name == "invoice":
        return [msgspec.json.decode(unpack_wire(blob), type=_Insured).insured_nir for blob in plain]
    if name != "return_file":
        return []
    read = [codec.parse(data) for data in plain]
    return list({line.nir for found in read if isinstance(found, RspFile) for order in found.orders for line in order.invoices})
