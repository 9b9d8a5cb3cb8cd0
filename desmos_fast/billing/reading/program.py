# SPDX-License-Identifier: Apache-2.0
"""What is written of a claim: every key of the invoice in order, the zone that holds it, and how that zone reads.

The keys are those of `billing.model`; what the records do not carry (created_on, third_party, names, prescribed_on) is not written.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from desmos_fast.exchange.model import LayoutError, Pack

AMC_LINE: Final = "4 with the amounts of the complementary insurer"
MODIFIERS: Final = 4
TEETH: Final = 16
SECURITY: Final[Mapping[str, str]] = {"S": '"secured"', "D": '"degraded"', "Y": '"desynchronised"'}
APART: Final[Mapping[str, str]] = {"F": "true", " ": "false"}


class Step(NamedTuple):
    """Text to write as it is, then a zone in a way of `ext.wire`.

    `other` is another zone or a number of zones; `then` are the steps that a zone or a record which says nothing leaves out.
    """

    literal: str
    write: str = "nothing"
    record: str = "2"
    field: str = ""
    other: str | int = 0
    choices: Mapping[str, str] = {}
    then: "tuple[Step, ...]" = ()


HEAD: Final[Sequence[Step]] = (
    Step('{"number":', "number", "2", "invoice_number"),
    Step(',"biller":', "biller", "2", "biller"),
    Step("", "skip_if_none", "1", then=(Step(',"security":', "choice", "1", "security_mode", choices=SECURITY),)),
    Step(',"insured_nir":"', "raw", "2", "nir"),
    Step("", "raw", "2", "nir_key"),
    Step('","beneficiary":{"birth_date":', "birth", "2", "birth_date", other="4.care_date"),
    Step(',"birth_rank":', "number", "2", "birth_rank"),
    Step(',"rank":', "number", "2", "rank"),
    Step(',"nir":', "null_if_blank", "2S", "beneficiary_nir", then=(
        Step('"', "raw", "2S", "beneficiary_nir"),
        Step("", "raw", "2S", "beneficiary_nir_key"),
        Step('"'),
    )),
    Step('},"amo":{"regime":"', "raw", "2", "regime"),
    Step('","caisse":"', "raw", "2", "caisse"),
    Step('","centre":"', "raw", "2", "centre"),
    Step('","rights_source":', "number", "2", "rights_source"),
    Step(',"rights_from":', "date", "2", "rights_from"),
    Step(',"nature":', "number", "2", "nature_assurance"),
    Step(',"exemption":', "text", "2", "exoneration"),
    Step(',"pathway":', "text", "2S", "pathway"),
    Step(',"treating_physician":', "text", "2S", "treating_physician_flag"),
    Step('},"referring_doctor":', "null_if_blank", "2S", "referring_last_name", then=(
        Step('{"last_name":', "text", "2S", "referring_last_name"),
        Step(',"first_name":', "text", "2S", "referring_first_name"),
        Step(',"am":', "known", "2S", "referring_am"),
        Step("}"),
    )),
    Step(',"amc":', "null_if_blank", "2", "amc_number", then=(
        Step('{"number":', "text", "2", "amc_number"),
        Step(',"contract_type":"', "raw", "2", "contract_type"),
        Step('","separate_claim":', "choice", "2", "split_flag", choices=APART),
        Step("}"),
    )),
    Step(',"accident":', "accident", "2", "accident", other="2.nature_assurance"),
    # The prescriber is the same on every line; the first one tells.
    Step(',"prescriber":', "null_if_blank", "4S", "prescriber_condition", then=(
        Step('{"am":', "known", "4", "prescriber_am"),
        Step(',"rpps":', "known", "4E", "prescriber_rpps"),
        Step(',"specialty":', "zone", "4", "prescriber_specialty"),
        Step(',"condition":', "text", "4S", "prescriber_condition"),
        Step(',"origin":', "text", "4", "prescription_origin"),
        Step(',"structure":', "null_if_blank", "4E", "prescriber_structure", then=(
            Step("", "text", "4E", "prescriber_structure"),
        )),
        Step("}"),
    )),
    Step(',"acts":['),
)
_NGAP: Final[Sequence[Step]] = (
    Step('{"kind":"ngap","code":', "text", "4", "act_code"),
    Step(',"complement":', "text", "4", "act_complement"),
)
_CCAM: Final[Sequence[Step]] = (
    Step('{"kind":"ccam","code":', "text", "4M", "ccam_code"),
    Step(',"complement":', "text", "4", "act_complement"),
    Step(',"grouping":', "text", "4", "act_code"),
    Step(',"activity":', "text", "4M", "activity"),
    Step(',"phase":', "number", "4M", "phase"),
    Step(',"modifiers":', "list", "4M", "modifier_1", other=MODIFIERS),
    Step(',"association":', "text", "4M", "association"),
    Step(',"extension":', "text", "4M", "extension"),
    Step(',"conditional":', "text", "4M", "conditional"),
    Step(',"teeth":', "list", "4M", "tooth_1", other=TEETH),
    Step(',"supplement":', "text", "4M", "supplement"),
)
_ACT: Final[Sequence[Step]] = (
    Step(',"date":', "date", "4", "care_date"),
    Step(',"quantity":', "number", "4", "quantity"),
    Step(',"coefficient":', "number", "4", "coefficient"),
    Step(',"units":', "number", "4", "units"),
    Step(',"unit_price":', "number", "4", "unit_price"),
    Step(',"base":', "number", "4", "base"),
    Step(',"rate":', "number", "4", "rate"),
    Step(',"amo":', "number", "4", "amo"),
    Step(',"fees":', "number", "4", "fees"),
    Step(',"amc":', "number", AMC_LINE, "amc"),
    Step(',"exemption":', "text", "4", "line_exoneration"),
    Step(',"qualifier":', "text", "4", "qualifier"),
    Step(',"executor":{"am":"', "raw", "4", "executor_am"),
    Step('","rpps":', "known", "4E", "executor_rpps"),
    Step(',"specialty":"', "raw", "4", "executor_specialty"),
    Step('","zone":', "zone", "4", "executor_zone"),
    Step(',"condition":', "text", "4S", "executor_condition"),
    Step('},"prior_agreement":', "null_if_nine", "4S", "prior_agreement_code", then=(
        Step('{"code":', "number", "4S", "prior_agreement_code"),
        Step(',"requested_on":', "date", "4S", "prior_agreement_date"),
        Step("}"),
    )),
    Step("}"),
)
NGAP: Final[Sequence[Step]] = (*_NGAP, *_ACT)
CCAM: Final[Sequence[Step]] = (*_CCAM, *_ACT)

Compiled = tuple[bytes, str, str, int, int, int, tuple[tuple[int, bytes], ...]]


def compile_steps(pack: Pack, steps: Sequence[Step]) -> Iterator[Compiled]:
    """Put the places of a profile in the steps: literal, way, record, offset, width, other, choices."""
    for step in steps:
        offset = width = 0
        then = tuple(compile_steps(pack, step.then))
        if step.field:
            field = pack.tables["4" if step.record == AMC_LINE else step.record].field(step.field)
            offset, width = field.offset, field.length
        choices = tuple((ord(letter), word.encode()) for letter, word in step.choices.items())
        yield step.literal.encode(), step.write, step.record, offset, width, len(then) or _other(pack, step, offset, width), choices
        yield from then


def _other(pack: Pack, step: Step, offset: int, width: int) -> int:
    if isinstance(step.other, str):
        record, _, name = step.other.partition(".")
        return pack.tables[record].field(name).offset
    if step.write == "list":
        _check_list(pack, step, offset, width)
    return step.other


def _check_list(pack: Pack, step: Step, offset: int, width: int) -> None:
    """Refuse a table that does not lay a list out from place to place: the kernel reads it as one zone after the other."""
    name = step.field.removesuffix("1")
    for place in range(int(step.other)):
        field = pack.tables[step.record].field(f"{name}{place + 1}")
        if (field.offset, field.length) != (offset + place * width, width):
            raise LayoutError(f"{step.record}.csv: {name}1 to {name}{step.other} do not stand side by side")
