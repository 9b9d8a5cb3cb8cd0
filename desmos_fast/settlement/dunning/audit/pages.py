# SPDX-License-Identifier: Apache-2.0
"""An audit as a page: HTML with its charts drawn in it, for the people of the centre, or Markdown."""

from collections.abc import Iterable, Mapping
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from desmos_fast.base import french
from desmos_fast.base.clock import paris_date
from desmos_fast.settlement.dunning.audit.model import TpAudit
from desmos_fast.settlement.dunning.model import AGES

STAGES: Final = {"barred": "forclos"}
KINDS: Final = {"amo": "assurance maladie obligatoire", "amc": "complémentaires"}


def permille(value: int, most: int) -> int:
    """Return the length of a bar in thousandths of the longest one."""
    return value * 1000 // most if most > 0 else 0


def tenths(value: int, unit: str = "") -> str:
    """Write tenths as French does; no float ever holds them."""
    whole, rest = divmod(value, 10)
    return f"{french.whole(whole)},{rest}{unit}"


def stage(name: str) -> str:
    """Say what a stage on the way to forclusion is."""
    return STAGES.get(name, f"plus de {name} mois")


def most(values: Iterable[int]) -> int:
    """Return the longest of some bars, 0 without any."""
    return max(values, default=0)


def write(report: TpAudit, form: str, finess: str, names: Mapping[str, str]) -> str:
    """Return an audit as `html` or `md`; `names` are those of payers, by id."""
    environment = Environment(
        loader=PackageLoader("desmos_fast.settlement.dunning.audit", "."), autoescape=form == "html", undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(payer=lambda name: f"{names[name]} ({name})" if name in names else name)
    environment.filters.update(euros=french.euros, whole=french.whole, jour=french.day, tenths=tenths, stage=stage, most=most)
    environment.globals.update(permille=permille, kinds=KINDS, ages=AGES)
    day = paris_date(report.made_at).isoformat()
    return environment.get_template(f"audit.{form}.jinja").render(report=report, finess=finess, day=day)
