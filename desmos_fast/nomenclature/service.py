# SPDX-License-Identifier: Apache-2.0
"""Import national tables and tariff packs; give the pack that prices: the newest that was imported, without a restart."""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from desmos_fast.base import settings
from desmos_fast.base.errors import InvalidInput, NotThere
from desmos_fast.db.health import bare
from desmos_fast.db.pool import Connection, DatabaseDown, Pool
from desmos_fast.nomenclature import store
from desmos_fast.nomenclature.importer import Refused, TableFault, TableFile, national_tables
from desmos_fast.nomenclature.store import HeldCode, Import, Pack
from desmos_fast.nomenclature.tariffs import Tariffs, load_tariffs, read_tariffs

POLL_S: Final = 2.0
EXAMPLES: Final = 20
log: Final = structlog.get_logger("desmos.nomenclature")


class NoPack(InvalidInput):
    """A folder cannot be read as a tariff pack at all."""

    code = "invalid_input"


class CheckedPack(NamedTuple):
    """A sound pack, the bytes of its files by name, and their SHA-256."""

    tariffs: Tariffs
    files: Mapping[str, bytes]
    sha256: bytes


class PackReport(NamedTuple):
    """What the import of a tariff pack did; an unchanged one is the newest already."""

    name: str
    version: str
    sha256: str
    number: int
    outcome: str


class TableReport(NamedTuple):
    """What the import of a national table did: how many codes were added, changed and ended, and which come first."""

    table: str
    file: str
    sha256: str
    codes: int
    since: date
    outcome: str
    added: int
    changed: int
    ended: int
    first: Mapping[str, Sequence[str]]


class TariffBook:
    """The tariff pack that prices: that of DESMOS_TARIFFS, else the newest that was imported, else that of the program.

    Whether there is a newer one is asked of the database at least every `poll_s` seconds while somebody prices; the new one takes the place
    of the old one at once and whole, and one that cannot be read leaves the old one in force. With a pool it is asked in half that time
    already, beside the requests, so that none of them has to.
    """

    __slots__ = ("_asking", "_lock", "_next", "_number", "_poll_s", "_pool", "_tariffs")

    def __init__(self, pool: "Pool | None" = None, *, poll_s: float = POLL_S) -> None:
        self._pool = pool
        self._asking: asyncio.Task[None] | None = None
        self._poll_s = poll_s
        self._next = 0.0
        self._number: int | None = None
        self._tariffs: Tariffs | None = None
        self._lock = asyncio.Lock()

    def known(self) -> Tariffs | None:
        """Return the pack that prices, while it is too early to ask whether there is a newer one."""
        left = self._next - time.monotonic()
        if left <= 0:
            return None
        if left < self._poll_s / 2 and self._pool is not None and self._asking is None:
            self._asking = asyncio.create_task(self._ask(self._pool))
        return self._tariffs

    async def close(self) -> None:
        """Wait until nothing is asked."""
        if self._asking is not None:
            await self._asking

    async def _ask(self, pool: Pool) -> None:
        try:
            async with bare(pool) as con, self._lock:
                if self._tariffs is not None:
                    await self._renew(con, self._tariffs)
                    self._next = time.monotonic() + self._poll_s
        except DatabaseDown as error:
            # Whoever must know asks again, and is told.
            log.debug("no newer tariff pack could be asked for", error=error.detail)
        finally:
            self._asking = None

    async def current(self, con: Connection) -> Tariffs:
        """Return the pack that prices now; keep it for the whole of a request.

        `con` may be in a transaction of any centre. Only the first call raises: what the database or an unsound pack raises.
        """
        if self._tariffs is not None and (time.monotonic() < self._next or self._lock.locked()):
            return self._tariffs
        async with self._lock:
            if self._tariffs is None:
                self._number, self._tariffs = await _load(con, None, None)
            elif time.monotonic() >= self._next:
                await self._renew(con, self._tariffs)
            self._next = time.monotonic() + self._poll_s
            return self._tariffs

    async def _renew(self, con: Connection, old: Tariffs) -> None:
        try:
            self._number, self._tariffs = await _load(con, self._number, old)
        except Exception as error:
            # Whatever it is, invoices go on with the tariffs that they had a moment ago.
            log.error("a newer tariff pack cannot be read, the old one stays", kind=type(error).__name__, pack=self._number)
        else:
            if self._tariffs is not old:
                log.info("a newer tariff pack prices", number=self._number, pack=self._tariffs.name, version=self._tariffs.version)


async def _load(con: Connection, known: int | None, old: Tariffs | None) -> tuple[int | None, Tariffs]:
    # A savepoint inside the transaction of a request: what fails here must not undo it.
    async with con.transaction():
        number = None if settings.tariffs() else await store.newest_pack(con)
        if old is not None and number == known:
            return known, old
        pack = None if number is None else await store.read_pack(con, number)
    if pack is None:
        return None, await asyncio.to_thread(load_tariffs)
    return number, await asyncio.to_thread(read_files, pack.name, {name: text.encode() for name, text in pack.files.items()})


async def import_table(con: Connection, read: TableFile, since: date) -> TableReport:
    """Let a table be what a file says from a day on; the file that it was made of last changes nothing.

    `con` is in a transaction of the owner of the tables. Raises Refused, NotWritable, DatabaseDown.
    """
    async with store.importing(con, read.table):
        last = await store.last_import(con, read.table)
        if last is not None and last.sha256 == read.sha256:
            return _report(read, last.since, "unchanged", store.NO_DIFFERENCE)
        if last is not None and since < last.since:
            raise Refused([_too_early(read, since, last.since)])
        found = await store.replace(con, read, last.number + 1 if last else 1, since, EXAMPLES)
    return _report(read, since, "imported", found)


def _report(read: TableFile, since: date, outcome: str, found: store.Difference) -> TableReport:
    added, changed, ended = (count for count, _ in found.values())
    first = {kind: codes for kind, (_, codes) in found.items()}
    return TableReport(read.table, read.file, read.sha256.hex(), len(read.rows), since, outcome, added, changed, ended, first)


def _too_early(read: TableFile, since: date, last: date) -> TableFault:
    message = f"the table was imported from {last} on: give that day or a later one with --on"
    return TableFault(code="nomenclature_too_early", file=read.file, value=str(since), message=message)


async def imported(con: Connection) -> list[Import]:
    """Return the last import of each table, by name."""
    return await store.last_imports(con)


async def held(con: Connection, table: str, code: str | None, on: date) -> list[HeldCode]:
    """Return what a table says on a day, or one code of it, columns as in the file. Raises NotThere, which says what there is instead."""
    declared = national_tables().get(table)
    if declared is None:
        raise NotThere(f"{table[:40]!r} is no national table", hint=f"one of {' '.join(national_tables())}")
    found = await store.codes(con, table, code, on)
    if not found:
        what = table if code is None else f"{table} {code[:40]!r}"
        raise NotThere(f"nothing of {what} holds on {on}", hint="`desmos-fast nomenclature show` says what was imported, and from when on")
    order = {column.name: place for place, column in enumerate(declared.columns)}
    # jsonb keeps keys in an order of its own.
    return [row._replace(data=dict(sorted(row.data.items(), key=lambda item: order.get(item[0], len(order))))) for row in found]


def check_tariffs(folder: Path) -> CheckedPack:
    """Read and check the pack in a folder. Raises NoPack, and what read_tariffs raises."""
    try:
        files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}
    except OSError as error:
        raise NoPack(f"cannot read the pack: {error.strerror}", hint="check the folder and its rights") from error
    if any(b"\0" in content for content in files.values()):
        raise NoPack("a file of the pack holds a NUL character", hint="save it as UTF-8")
    return CheckedPack(read_files(folder.resolve().name, files), files, _digest(files))


async def import_tariffs(con: Connection, checked: CheckedPack) -> PackReport:
    """Keep a pack as the one that prices, unless it is that already.

    `con` is in a transaction of the owner of the tables. Raises NotWritable, DatabaseDown.
    """
    name, version, digest = checked.tariffs.name, checked.tariffs.version, checked.sha256
    async with store.importing(con, "tariff_pack"):
        number = await store.newest_pack(con) or 0
        newest = await store.read_pack(con, number)
        if newest is not None and newest.sha256 == digest:
            return PackReport(name, version, digest.hex(), number, "unchanged")
        texts = {file: content.decode("utf-8-sig") for file, content in checked.files.items()}
        await store.add_pack(con, Pack(number + 1, name, version, digest, texts))
    return PackReport(name, version, digest.hex(), number + 1, "imported")


def read_files(name: str, files: Mapping[str, bytes]) -> Tariffs:
    """Read a pack from its files, not from where they came: what was checked is what is kept."""
    with tempfile.TemporaryDirectory(prefix="desmos-tariffs-") as temporary:
        folder = Path(temporary) / (name or "pack")
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        return read_tariffs(folder)


def _digest(files: Mapping[str, bytes]) -> bytes:
    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.digest()
