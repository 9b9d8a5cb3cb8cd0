# SPDX-License-Identifier: Apache-2.0
"""The peer that one would write in Python: an f-string for each record, generated from the layout tables. It checks nothing."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias

from desmos_fast.billing.model import CcamAct
from desmos_fast.exchange.compiler import ELEMENT, WHOLE, source_of
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import Field

Form: TypeAlias = Literal["objects", "dicts"]
RECORDS: Final = ("2", "2S", "4", "4S", "4E", "4M", "5")
# Members are written as those of objects; for dicts they become subscripts.
MEMBERS: Final = re.compile(r"\b([ia])((?:\.[a-z_]+)+)")
IS_CCAM: Final[dict[Form, str]] = {"objects": "type(a) is CcamAct", "dicts": 'a["kind"] == "ccam"'}
RULES: Final = {
    "=biller": "i.biller",
    "=accident": "('0' * 9 if i.accident is None else i.accident.number or '000' + day(i.accident.date))",
    "=split_flag": "('F' if i.amc is not None and i.amc.separate_claim else '')",
    "=amc_number": "('' if i.amc is None else format(i.amc.number, '0>10'))",
    "=act_code": "(a.grouping if IS_CCAM else a.code)",
    "=prescriber_specialty": "((i.prescriber.specialty or 0) if i.prescriber is not None and i.prescriber.condition == 'S' else 0)",
    "=prior_agreement_code": "(9 if a.prior_agreement is None else a.prior_agreement.code)",
    "=act_amc": "(0 if i.amc is not None and i.amc.separate_claim else a.amc)",
}
NULLABLE: Final = ("prescriber", "referring_doctor", "amc", "act.prior_agreement")
INVOICE: Final = """
def invoice(i):
    acts = i.acts
    fees, amo = sum([a.fees for a in acts]), sum([a.amo for a in acts])
    amc = 0 if i.amc is not None and i.amc.separate_claim else sum([a.amc for a in acts])
    rest = (fees, amo, fees - amo, amc)
    known = i.prescriber is not None and (i.prescriber.rpps or i.prescriber.structure)
    pieces = [r2(i, None, 0, *rest), r2S(i, None, 0, *rest)]
    for a in acts:
        pieces += [r4(i, a, 0, *rest), r4S(i, a, 0, *rest)]
        if known or a.executor.rpps is not None:
            pieces.append(r4E(i, a, 0, *rest))
        if IS_CCAM:
            pieces.append(r4M(i, a, 0, *rest))
    pieces.append(r5(i, None, len(pieces) - 2, *rest))
    return "".join(pieces)
"""


def f_strings(form: Form = "objects") -> Callable[[Sequence[Any]], bytes]:
    """Compile the peer for invoices as objects of the model, or as the dicts that a JSON parser gives."""
    source = "".join(
        f"def r{record_type}(i, a, line_count, total_fees, total_amo, total_insured_share, total_amc):\n{_record(record_type)}"
        for record_type in RECORDS
    )
    source = (source + INVOICE).replace("IS_CCAM", IS_CCAM[form])
    if form == "dicts":
        source = MEMBERS.sub(lambda found: found[1] + "".join(f'["{name}"]' for name in found[2].split(".")[1:]), source)
    names: dict[str, Any] = {"CcamAct": CcamAct, "day": lambda text: "" if text is None else text[2:4] + text[5:7] + text[8:10]}
    exec(compile(source, "<f-strings>", "exec"), names)
    invoice = names["invoice"]
    return lambda invoices: "".join([invoice(each) for each in invoices]).encode("ascii")


def _record(record_type: str) -> str:
    parts = []
    for field in load_pack().tables[record_type].fields:
        if field.kind in ("const", "filler"):
            parts.append(repr(field.value.ljust(field.length)))
        else:
            fill = "<" if field.kind == "alpha" else "0>"
            parts.append(f'f"""{{{_expression(field)}:{fill}{field.length}}}"""')
    return f'    return ({" ".join(parts)} "\\n")\n'


def _expression(field: Field) -> str:
    """Return what a person would write between the braces for one field."""
    path, start, stop = source_of(field.value)
    if path.startswith("="):
        return RULES.get(path, path.removeprefix("="))
    found = "a" + path.removeprefix("act") if path.startswith("act.") else f"i.{path}"
    if stop == ELEMENT:
        return f"({found}[{start}] if len({found}) > {start} else '')"
    if stop != WHOLE:
        found = f"({found} or '')[{start}:{stop}]"
    elif field.kind == "date6":
        found = f"day({found})"
    else:
        found = f"({found} or {'0' if field.kind != 'alpha' else repr('')})"
    owner = path.rpartition(".")[0]
    if owner in NULLABLE:
        holder = "a" + owner.removeprefix("act") if owner.startswith("act.") else f"i.{owner}"
        found = f"('' if {holder} is None else {found})"
    return found
