# SPDX-License-Identifier: Apache-2.0
"""What a lot and a claim file are: settings, columns of encoded invoices, and the outcome of a build."""

from array import array
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

import msgspec

from desmos_fast.anomalies.model import Odd
from desmos_fast.base.errors import Conflict
from desmos_fast.base.types import Cents, FileId, LotId, TenantId
from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.model import RECORD_WIDTH

Flow = Literal[1, 2]
SecurityLetter = Literal["S", "D", "Y"]
Criterion = Literal["caisse", "destination", "flow", "amc", "security", "executor", "age", "amount"]
EXHAUSTED: Final = "LOT_NUMBERS_EXHAUSTED"
SEND_FILE: Final = "send_file"


class LotNumbersExhausted(Conflict):
    """Every lot number of the biller that could be given belongs to a lot without an answer."""

    code = "lot_numbers_exhausted"

    def __init__(self, detail: str, *, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.faults = [Fault(code=EXHAUSTED, message=detail)]


class ContentChanged(Odd):
    """What was kept of an invoice or of a file is no longer what was signed or laid out."""

    code = "content_changed"


class SharesMoved(Conflict):
    """Shares changed state while they were put in lots; nothing was built."""

    code = "shares_moved"


class LotState(StrEnum):
    """Where a lot stands; `rules.LOT_MOVES` says from where to where it may go."""

    OPEN = "open"
    SEALED = "sealed"
    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"
    DISSOLVED = "dissolved"


class FileState(StrEnum):
    """Where a claim file stands; `rules.FILE_MOVES` says from where to where it may go."""

    BUILT = "built"
    QUEUED = "queued"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"
    CANCELLED = "cancelled"


class BuildRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller may say of a build; `routing` goes from `regime/caisse/centre` to organism and computing centre.

    `lots_by` and `files_by` declare what else parts lots, and what parts files, the first named being the most significant. Bounds are
    where parts begin: days since care, fees of an invoice in cents. `max_amount_per_lot` is in cents of fees. None is no limit.
    """

    max_invoices_per_lot: int = 200
    max_lots_per_file: int = 100
    max_bytes_per_file: int | None = None
    max_amount_per_lot: int | None = None
    lots_by: tuple[Criterion, ...] = ()
    files_by: tuple[Criterion, ...] = ()
    age_bounds: tuple[int, ...] = ()
    amount_bounds: tuple[int, ...] = ()
    lot_per_executor: bool = False
    one_destination_per_file: bool = False
    routing: dict[str, tuple[str, str]] = {}


class LotSettings(BuildRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How files are built; `date` is ISO text.

    These are shapes only: `rules.check_settings` says what a value may be.
    """

    date: str
    file_sequence: int = 1
    first_lot: int = 1
    sender_type: str = "PS"
    sender_program: str = "DESMOS"
    recipient_type: str = "CT"
    recipient_number: str = "0"
    recipient_program: str = ""


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Columns over encoded invoices of one biller, one item a row.

    `data` holds the records (129 bytes each, LF included); row i is `data[starts[i]:starts[i + 1]]`, so `starts` has one more item.
    `number` is the invoice's, and the order inside a lot. `destination` is regime, caisse and centre as a number of nine digits; `flow`
    holds the bytes 1 and 2, `security` the letters S, D and Y; `amc_number` is read for flow 2 only, `executor` (an AM number) and
    `care` (the ordinal of the day of the first act) only where lots are parted by them. Amounts are cents, as record 5 carries them.
    """

    data: bytes | bytearray
    starts: "array[int]"
    number: "array[int]"
    destination: "array[int]"
    amc_number: "array[int]"
    executor: "array[int]"
    care: "array[int]"
    flow: bytes | bytearray
    security: bytes | bytearray
    fees: "array[int]"
    amo: "array[int]"
    amc: "array[int]"


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Columns over some invoices of one biller that wait for a lot, in order of number, one item an invoice.

    `sealed` opens to the packed records, of which `hashes` are the SHA-256. Amounts are those of record 5 in flow 1; `amc_sum` is the
    one of flow 2. `whole` says that the sheet of flow 1 waits, `apart` that the claim of flow 2 does.
    """

    ids: list[UUID]
    numbers: "array[int]"
    sealed: list[bytes]
    hashes: list[bytes]
    destination: "array[int]"
    amc_number: "array[int]"
    executor: "array[int]"
    care_dates: list[date]
    security: list[str]
    fees: "array[int]"
    amo: "array[int]"
    amc: "array[int]"
    amc_sum: "array[int]"
    whole: Sequence[bool]
    apart: Sequence[bool]


class BuiltLot(msgspec.Struct, frozen=True, kw_only=True):
    """One lot of a built file: what its header and trailer say, and which rows it holds.

    `records` counts header and trailer. `rows` are row numbers of `Rows`, in file order; `first_records` the number from 1, in
    the file, of each one's first record. `executor` is None unless lots are cut by executor.
    """

    number: int
    flow: Flow
    regime: str
    caisse: str
    centre: str
    amc_number: str
    security: SecurityLetter
    date: str
    recipient_organism: str
    computing_centre: str
    executor: int | None
    invoices: int
    records: int
    fees: Cents
    amo: Cents
    amc: Cents
    insured_share: Cents
    rows: "array[int]"
    first_records: "array[int]"


class BuiltFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole claim file; totals are sums over its lots (an invoice in two flows counts twice)."""

    name: str
    biller: str
    sequence: int
    date: str
    content: bytes
    lots: tuple[BuiltLot, ...]
    records: int
    invoices: int
    fees: Cents
    amo: Cents
    amc: Cents
    next_sequence: int
    next_lot: int


class LotShown(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed lot; `number` runs from 1 to 999 and `cycle` counts its rounds, `amc_number` is null in flow 1."""

    id: LotId
    number: int
    cycle: int
    flow: Flow
    regime: str
    caisse: str
    centre: str
    amc_number: str | None
    security: SecurityLetter
    invoices: int
    fees: Cents
    amo: Cents
    amc: Cents


class FileShown(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was laid out and queued; `sha256` in hex, `size` in bytes."""

    id: FileId
    name: str
    sequence: int
    size: int
    sha256: str
    lots: tuple[LotShown, ...]


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What a build made; `invoices` counts each one once, whatever its flows, `shares` the parts that are now in a lot."""

    files: tuple[FileShown, ...] = ()
    lots: int = 0
    shares: int = 0
    invoices: int = 0


class FileContent(msgspec.Struct, frozen=True):
    """A claim file under the name that it is sent with."""

    name: str
    data: bytes

    @property
    def records(self) -> int:
        """Return how many records it has, whatever stands between them."""
        return sum(len(line) // RECORD_WIDTH for line in self.data.splitlines())


class SendFile(msgspec.Struct, frozen=True):
    """What a `send_file` job is given: a file, by name alone."""

    tenant: TenantId
    file: FileId
