# SPDX-License-Identifier: Apache-2.0
"""What a build would make now: the build itself, of which nothing stays."""

from collections.abc import Iterable, Sequence
from typing import Any

from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.lots import service
from desmos_fast.lots.model import Built, FileShown, LotShown
from desmos_fast.lots.planned import Destination, PlannedFile, PlannedLot, Preview, Total


async def preview(con: Connection, context: Context, body: bytes) -> Preview:
    """Return what a build with these settings would make now; it costs as much as the build. Raises what `service.make` raises."""
    trial = con.transaction()
    await trial.start()
    try:
        built = await service.make(con, context, body)
    finally:
        await trial.rollback()
    return _preview(built)


def _preview(built: Built) -> Preview:
    lots = [lot for file in built.files for lot in file.lots]
    return Preview(
        files=tuple(map(_file, built.files)),
        destinations=tuple(_destinations(lots)),
        lots=built.lots,
        shares=built.shares,
        invoices=built.invoices,
        total=_total(lots),
    )


def _file(file: FileShown) -> PlannedFile:
    lots = tuple(PlannedLot(**_some(lot, PlannedLot.__struct_fields__)) for lot in file.lots)
    return PlannedFile(name=file.name, sequence=file.sequence, size=file.size, sha256=file.sha256, total=_total(file.lots), lots=lots)


def _some(lot: LotShown, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(lot, name) for name in names}


def _total(lots: Sequence[LotShown]) -> Total:
    sums = {name: sum(getattr(lot, name) for lot in lots) for name in ("invoices", "fees", "amo", "amc")}
    return Total(lots=len(lots), **sums)


def _destinations(lots: Sequence[LotShown]) -> Iterable[Destination]:
    grouped: dict[tuple[str, str | None], list[LotShown]] = {}
    for lot in lots:
        grouped.setdefault((f"{lot.regime}/{lot.caisse}/{lot.centre}", lot.amc_number), []).append(lot)
    for place, amc in sorted(grouped, key=lambda key: (key[0], key[1] or "")):
        yield Destination(destination=place, amc_number=amc, total=_total(grouped[place, amc]))
