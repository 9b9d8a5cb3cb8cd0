# SPDX-License-Identifier: Apache-2.0
"""A coded fault: what is wrong, where it stands, and with which value."""

import msgspec

from desmos_fast.base.errors import InvalidInput


class Fault(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One fault in an exchange file (record, offset) or in an NDJSON line (line, invoice, field).

    `record` and `line` count from 1, `offset` is in bytes from 0. `value` never holds a NIR. A fault of pricing says what was `expected`,
    in cents or percent, and the `rule` of docs/reference/pricing.md.
    """

    code: str
    message: str = ""
    record: int | None = None
    offset: int | None = None
    line: int | None = None
    record_type: str | None = None
    field: str | None = None
    value: str | int | None = None
    width: int | None = None
    invoice: int | None = None
    expected: int | None = None
    rule: str | None = None


class FaultyInput(InvalidInput):
    """Input that was refused, with every fault that was found."""

    code = "faulty_input"

    def __init__(self, faults: list[Fault]) -> None:
        first = faults[0]
        super().__init__(f"{first.code}: {first.message}", hint="correct the input and give it again")
        self.faults = faults
