# SPDX-License-Identifier: Apache-2.0
"""Rows of a tariff pack: one frozen Struct for each table, dated, with a source and a confidence. See docs/reference/tariffs.md."""

from datetime import date
from typing import Literal

import msgspec

Confidence = Literal["H", "M", "L"]
ActKind = Literal["ngap", "ccam"]
Role = Literal["act", "majoration", "forfait", "atd"]
Heavy = Literal["no", "forfait", "exempt"]
ExemptionEffect = Literal["none", "full", "heavy"]
QualifierEffect = Literal["none", "unreimbursed", "free", "excess", "authorised_excess"]
Basket = Literal["rac0", "moderated", "free"]
ContractKind = Literal["ordinary", "c2s", "ame"]
RejectOwner = Literal["biller", "practitioner", "secretariat", "tp_manager"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What every row says: in force from `since` to `until`, both included, and where that is written."""

    since: date
    until: date | None
    confidence: Confidence
    source: str

    def in_force(self, day: date) -> bool:
        """Say whether the row holds on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


class ActRow(Row, frozen=True, kw_only=True):
    """What a letter of the NGAP or a grouping code of the CCAM is; `specialty` "" is any executor's; ages in years, both included."""

    kind: ActKind
    code: str
    specialty: str = ""
    category: str
    role: Role
    age_from: int | None
    age_to: int | None
    label: str


class PriceRow(Row, frozen=True, kw_only=True):
    """The unit price, in cents, of a letter or a CCAM code; `specialty` "" is any executor's."""

    code: str
    specialty: str
    unit_price: int


class CategoryRow(Row, frozen=True, kw_only=True):
    """What the acts of a category have in common."""

    category: str
    heavy: Heavy
    participation: bool
    excess_free: bool
    label: str


class RateRow(Row, frozen=True, kw_only=True):
    """The rate, in percent, of a category under a nature of insurance, in the care pathway or out of it."""

    category: str
    nature: int
    off_path: bool
    rate: int


class NatureRow(Row, frozen=True, kw_only=True):
    """A nature of insurance; `full` pays 100 % of the tariff, `local` takes the flat share of heavy acts on itself."""

    nature: int
    full: bool
    local: bool
    label: str


class ExemptionRow(Row, frozen=True, kw_only=True):
    """A ground of exemption and what it does to the rate."""

    code: str
    effect: ExemptionEffect
    label: str


class PathwayRow(Row, frozen=True, kw_only=True):
    """An indicator of the care pathway."""

    code: str
    off_path: bool
    label: str


class QualifierRow(Row, frozen=True, kw_only=True):
    """A qualifier of the expense and what it allows."""

    code: str
    effect: QualifierEffect
    label: str


class BasketRow(Row, frozen=True, kw_only=True):
    """The basket of a dental act on some teeth (none: any), its highest fees in cents, and the act to propose instead."""

    code: str
    teeth: tuple[str, ...]
    basket: Basket
    cap: int | None
    alternative: str


class ContractRow(Row, frozen=True, kw_only=True):
    """What a complementary contract pays; `number` of ten digits or `*`, `contract_type` of two digits or `*`; ceiling in cents."""

    number: str
    contract_type: str
    kind: ContractKind
    responsible: bool
    tm_percent: int
    forfait: bool
    basket: bool
    excess_percent: int
    excess_ceiling: int


class ValueRow(Row, frozen=True, kw_only=True):
    """One number of the rules: cents, percent, hundredths, years or months, as its key says."""

    key: str
    value: int


class LabelRow(Row, frozen=True, kw_only=True):
    """A code and its label, of a list that no rule of pricing reads."""

    code: str
    label: str


class RejectClassRow(Row, frozen=True, kw_only=True):
    """What kind of work a class of rejects is: whose, what is to be done, and whether what was rejected may be billed again."""

    name: str
    label: str
    owner: RejectOwner
    action: str
    recycle: bool


class RejectCodeRow(Row, frozen=True, kw_only=True):
    """What a code means that payers of a kind give; without `owner` or `action` those of its class hold."""

    code: str
    payer_kind: Literal["any", "amo", "amc"]
    name: str
    label: str
    owner: Literal["", "biller", "practitioner", "secretariat", "tp_manager"]
    action: str
