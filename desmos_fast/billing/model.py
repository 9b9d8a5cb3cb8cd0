# SPDX-License-Identifier: Apache-2.0
"""The invoice on the wire, version 1: one frozen Struct per object of docs/reference/invoice.md.

Amounts are integer cents, dates ISO text, codes and identifiers text. These types say which keys
exist and their defaults; what a key may hold is checked by the codec.
"""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.base.types import Part
from desmos_fast.exchange.faults import Fault


class _Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the wire objects: unknown keys are refused."""


class Beneficiary(_Wire, frozen=True):
    """Who receives care; the names are for the centre's screens and are never encoded."""

    birth_date: str
    birth_rank: int = 1
    rank: int = 0
    nir: str | None = None
    last_name: str = ""
    first_name: str = ""


class Amo(_Wire, frozen=True):
    """The compulsory insurer and the rights it gives."""

    regime: str
    caisse: str
    centre: str
    rights_source: int = 0
    rights_from: str | None = None
    nature: int = 10
    exemption: str = "0"
    pathway: str = ""
    treating_physician: str = ""


class ReferringDoctor(_Wire, frozen=True):
    """The doctor who sent the patient (2S 72 to 120)."""

    last_name: str
    first_name: str = ""
    am: str | None = None


class Amc(_Wire, frozen=True):
    """The complementary insurer; `separate_claim` claims its share apart, in flow 02."""

    number: str
    contract_type: str = "00"
    separate_claim: bool = False


class Accident(_Wire, frozen=True):
    """An accident, known by its number or its date."""

    kind: Literal["work", "third_party"]
    number: str | None = None
    date: str | None = None


class Prescriber(_Wire, frozen=True):
    """Who prescribed the acts; `am` is null for a salaried one known by RPPS."""

    condition: str
    am: str | None = None
    rpps: str | None = None
    specialty: str = ""
    origin: str = ""
    structure: str | None = None
    prescribed_on: str | None = None


class Executor(_Wire, frozen=True):
    """Who did the act: a person's own number, distinct from the structure's."""

    am: str
    specialty: str
    condition: str
    rpps: str | None = None
    zone: str = ""


class PriorAgreement(_Wire, frozen=True):
    """The insurer's prior agreement to an act."""

    code: int
    requested_on: str | None = None


class Act(_Wire, tag_field="kind", frozen=True, kw_only=True):
    """What both kinds of act hold; coefficient in hundredths, amounts in cents, rate in percent."""

    code: str
    date: str
    unit_price: int
    base: int
    rate: int
    amo: int
    fees: int
    amc: int
    executor: Executor
    complement: str = ""
    quantity: int = 1
    coefficient: int = 100
    units: int = 1
    exemption: str = ""
    qualifier: str = ""
    prior_agreement: PriorAgreement | None = None


class NgapAct(Act, tag="ngap", frozen=True, kw_only=True):
    """An act of the NGAP: a key letter and a coefficient."""


class CcamAct(Act, tag="ccam", frozen=True, kw_only=True):
    """An act of the CCAM, with its grouping code and its 4M detail."""

    grouping: str
    activity: str
    phase: int = 0
    modifiers: tuple[str, ...] = ()
    association: str = ""
    extension: str = ""
    conditional: str = ""
    teeth: tuple[str, ...] = ()
    supplement: str = ""


class Invoice(_Wire, frozen=True, kw_only=True):
    """One invoice, that is one FSE once signed."""

    number: int
    biller: str
    insured_nir: str
    beneficiary: Beneficiary
    amo: Amo
    acts: tuple[NgapAct | CcamAct, ...]
    created_on: str | None = None
    security: Literal["secured", "degraded", "desynchronised"] = "secured"
    third_party: Literal["full", "amo", "none"] = "full"
    referring_doctor: ReferringDoctor | None = None
    amc: Amc | None = None
    accident: Accident | None = None
    prescriber: Prescriber | None = None


class InvoiceNotFound(InvalidInput):
    """No such invoice in this centre; another centre's looks the same."""

    code = "not_found"


class BatchTooLong(InvalidInput):
    """A batch holds more invoices than one request takes."""

    code = "batch_too_long"


class InvoiceNumbersExhausted(Conflict):
    """No free invoice number is left for the biller."""

    code = "invoice_numbers_exhausted"


class Created(msgspec.Struct, frozen=True):
    """An invoice that was just kept, and how the centre is paid for it, in cents."""

    id: UUID
    number: int
    state: str
    total: int
    from_amo: int
    from_amc: int
    desk: int


class LineResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one line of a batch: an id and a number, or errors."""

    line: int
    id: UUID | None = None
    number: int | None = None
    errors: tuple[Fault, ...] = ()


class BatchResult(msgspec.Struct, frozen=True):
    """What became of a batch, line by line."""

    accepted: int
    refused: int
    results: list[LineResult]


class ShareLot(msgspec.Struct, frozen=True):
    """The lot in which a share stands."""

    id: UUID
    number: int
    state: str
    ack_missing: bool


class ShareView(msgspec.Struct, frozen=True):
    """One share as the centre sees it; amounts in cents; `successor` is the invoice by which it was billed again."""

    part: Part
    payer: str
    flow: int
    amount: int
    state: str
    announced: int
    credited: int
    reject_code: str | None
    lot: ShareLot | None
    successor: UUID | None


class Happened(msgspec.Struct, frozen=True):
    """One event on the timeline of an invoice; `by` is the id of the key that asked for it, or `worker`."""

    at: datetime
    event: str
    part: str | None
    by: str | None
    detail: dict[str, Any] | None


class StageView(msgspec.Struct, frozen=True):
    """What the file of an invoice, named by `trace`, came to at one stage: claims, cents, and the hash that stands on the stage before."""

    trace: UUID
    stage: str
    at: datetime
    claims: int
    fees: int
    amo: int
    amc: int
    hash: str


class InvoiceView(msgspec.Struct, frozen=True):
    """One invoice as the centre sees it, without the people it names; amounts in cents."""

    id: UUID
    number: int
    biller: str
    state: str
    document: str
    care_date: date
    total: int
    from_amo: int
    from_amc: int
    desk: int
    third_party: str
    security: str
    supersedes: UUID | None
    shares: list[ShareView]
    timeline: list[Happened]
    stages: list[StageView]
