# SPDX-License-Identifier: Apache-2.0
"""What the codes of rejects mean, for whom they are work, and what there is to do: two tables of the tariff pack, by day and payer."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple, TypeVar

from desmos_fast.base import settings
from desmos_fast.db.pool import Connection
from desmos_fast.nomenclature import store
from desmos_fast.nomenclature.model import RejectClassRow, RejectCodeRow, RejectOwner, Row
from desmos_fast.nomenclature.service import read_files
from desmos_fast.nomenclature.tables import UNKNOWN_REJECT
from desmos_fast.nomenclature.tariffs import Tariffs, load_tariffs

ANY: Final = "any"
OWNERS_FR: Final[dict[RejectOwner, str]] = {
    "biller": "facturation",
    "practitioner": "praticien",
    "secretariat": "secrétariat",
    "tp_manager": "responsable du tiers payant",
}
R = TypeVar("R", bound=Row)


class Reject(NamedTuple):
    """What a code means on a day: texts are French, `known` tells a code of the table from any other."""

    code: str
    name: str
    label: str
    owner: RejectOwner
    action: str
    recycle: bool
    known: bool


class RejectTable:
    """The codes and classes of one pack."""

    def __init__(self, classes: Iterable[RejectClassRow], codes: Iterable[RejectCodeRow]) -> None:
        self.classes = tuple(classes)
        self.codes = tuple(codes)
        self._classes: dict[str, list[RejectClassRow]] = {}
        self._codes: dict[tuple[str, str], list[RejectCodeRow]] = {}
        for one in self.classes:
            self._classes.setdefault(one.name, []).append(one)
        for row in self.codes:
            self._codes.setdefault((row.code, row.payer_kind), []).append(row)

    def find(self, code: str, payer: str, day: date) -> Reject:
        """Say what a code means that a payer (`amo:…`, `amc:…`, `op:…`) gives on a day; one that no row knows has the class `unknown`."""
        row = _in_force(self._codes.get((code, payer.partition(":")[0]), ()), day) or _in_force(self._codes.get((code, ANY), ()), day)
        found = self.kind(UNKNOWN_REJECT if row is None else row.name, day)
        if row is None:
            return Reject(code, found.name, found.label, found.owner, found.action, found.recycle, known=False)
        return Reject(code, found.name, row.label, row.owner or found.owner, row.action or found.action, found.recycle, known=True)

    def kind(self, name: str, day: date) -> RejectClassRow:
        """Return what a class is on a day, or was first, before its table begins. Raises KeyError for a class that never was."""
        rows = self._classes[name]
        return _in_force(rows, day) or min(rows, key=lambda row: row.since)


def _in_force(rows: Sequence[R], day: date) -> R | None:
    return next((row for row in rows if row.in_force(day)), None)


def table_of(tariffs: Tariffs) -> RejectTable:
    """Return the table of a pack."""
    return RejectTable(tariffs.reject_classes, tariffs.reject_codes)


_kept: dict[bytes, RejectTable] = {}


async def current(con: Connection) -> RejectTable:
    """Return the table of the pack in use: that of DESMOS_TARIFFS, else the newest that was imported, else that of the program.

    An imported pack is read once for its content. Raises what an unsound pack raises.
    """
    digest = None if settings.tariffs() else await store.newest_digest(con)
    if digest is None:
        return table_of(load_tariffs())
    if digest not in _kept:
        number = await store.newest_pack(con)
        pack = None if number is None else await store.read_pack(con, number)
        if pack is None:
            return table_of(load_tariffs())
        _kept.clear()
        _kept[digest] = table_of(read_files(pack.name, {name: text.encode() for name, text in pack.files.items()}))
    return _kept[digest]
