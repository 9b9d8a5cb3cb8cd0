# SPDX-License-Identifier: Apache-2.0
"""Tariff packs like those that a centre may have: with other figures, other marks, rows that change on a day and rows that are gone."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

from desmos_fast.nomenclature import model
from desmos_fast.nomenclature.tariffs import Tariffs
from tests.generators.draw import Draw

DAY = timedelta(days=1)
TABLES = [name for name in Tariffs.__dataclass_fields__ if name not in ("name", "version", "note", "warnings")]
# What no other row and no rule needs to be there.
MAY_GO = ("acts", "prices", "rates", "exemptions", "pathways", "qualifiers")
HEAVY = ("no", "forfait", "exempt")
EFFECTS = ("none", "full", "heavy")
QUALIFIER_EFFECTS = ("none", "unreimbursed", "free", "excess", "authorised_excess")
VALUES: dict[str, tuple[int, ...]] = {
    "forfait_heavy_act": (0, 1, 2400, 3200, 20_000), "heavy_act_base": (0, 1, 3000, 12_000, 50_000),
    "heavy_act_coefficient": (0, 1, 100, 6000, 9_999_999), "participation_per_act": (0, 1, 200, 5000),
    "participation_per_day": (0, 1, 250, 399, 99_999), "participation_per_year": (5000,), "participation_age": (0, 16, 18, 120),
    "atd_percent": (0, 1, 33, 50, 100, 9_999_999), "late_care_months": (0, 1, 12, 24, 999),
}  # fmt: skip


def yes(d: Draw) -> bool:
    return d.below(2) == 1


def percent(d: Draw) -> int:
    return d.pick((100, 0, 1, 33, 50, 65, 70, d.below(101)))


def other_act(d: Draw, row: Any) -> dict[str, Any]:
    low, more = d.pick((None, 0, 3, 18, d.below(90))), d.pick((None, 0, 1, 20))
    role = d.pick(("act", "act", "majoration", "forfait", "atd"))
    return {"role": role, "age_from": low, "age_to": None if more is None else (low or 0) + more}


def other_category(d: Draw, row: Any) -> dict[str, Any]:
    return {"heavy": d.pick(HEAVY), "participation": yes(d), "excess_free": yes(d)}


def other_basket(d: Draw, row: Any) -> dict[str, Any]:
    return {"basket": d.pick(("rac0", "moderated", "free")), "cap": d.pick((None, 0, 50_000, d.below(100_000)))}


def other_contract(d: Draw, row: Any) -> dict[str, Any]:
    return {
        "kind": d.pick(("ordinary", "ordinary", "c2s", "ame")), "responsible": yes(d), "tm_percent": percent(d), "forfait": yes(d),
        "basket": yes(d), "excess_percent": percent(d), "excess_ceiling": d.pick((0, 1, 500, 9_999_999, d.below(10_000))),
    }  # fmt: skip


OTHER: dict[str, Callable[[Draw, Any], dict[str, Any]]] = {
    "acts": other_act,
    "prices": lambda d, row: {"unit_price": d.pick((row.unit_price + 1, 0, 11_999, 12_000, 12_001, d.below(200_000)))},
    "categories": other_category,
    "rates": lambda d, row: {"rate": percent(d)},
    "natures": lambda d, row: {"full": yes(d), "local": yes(d)},
    "exemptions": lambda d, row: {"effect": d.pick(EFFECTS)},
    "pathways": lambda d, row: {"off_path": yes(d)},
    "qualifiers": lambda d, row: {"effect": d.pick(QUALIFIER_EFFECTS)},
    "baskets": other_basket,
    "contracts": other_contract,
    "values": lambda d, row: {"value": d.pick(VALUES[row.key])},
}


def changed(d: Draw, table: str, row: Any) -> Iterator[Any]:
    """Give a row as it is, with other figures, with others from a day on, or not at all."""
    kind = d.below(8)
    if kind < 4 or table not in OTHER:
        yield row
    elif kind < 6:
        yield msgspec.structs.replace(row, **OTHER[table](d, row))
    elif kind == 6 or table not in MAY_GO:
        day = row.since + DAY * (1 + d.below(5000))
        if row.until is not None and row.until < day:
            yield row
            return
        yield msgspec.structs.replace(row, until=day - DAY)
        yield msgspec.structs.replace(row, since=day, **OTHER[table](d, row))


def more_contracts(d: Draw, since: date) -> Iterator[model.ContractRow]:
    for number in ("0000000001", "0099000104", "9999999999"):
        for contract_type in ("*", "00", "42"):
            if yes(d):
                row = model.ContractRow(
                    number=number, contract_type=contract_type, since=since, until=None, confidence="L", source="test", kind="ordinary",
                    responsible=True, tm_percent=100, forfait=True, basket=True, excess_percent=0, excess_ceiling=0,
                )  # fmt: skip
                yield msgspec.structs.replace(row, **other_contract(d, row))


def other_pack(d: Draw, pack: Tariffs) -> Tariffs:
    """Return a sound pack made from another."""
    tables: dict[str, Any] = {table: tuple(new for row in getattr(pack, table) for new in changed(d, table, row)) for table in TABLES}
    tables["contracts"] += tuple(more_contracts(d, min(row.since for row in pack.values)))
    return Tariffs(name="other", version="1", **tables)
