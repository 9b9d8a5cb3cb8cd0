# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of matching as bytes: NDJSON in, canonical NDJSON and JSON out."""

from typing import Final, TypeVar

import msgspec

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.labels import taught_key
from desmos_fast.settlement.model import Invoice, Match, Order, Payer, Result, Settings

Item = TypeVar("Item", Invoice, Order, BankLine, Payer)
MOST_FAULTS: Final = 100
_ENCODER: Final = msgspec.json.Encoder()


def read_items(data: bytes, kind: type[Item], name: str) -> list[Item]:
    """Return one object a line; `name` says in faults which input it is.

    Raises FaultyInput with RECON_BAD_LINE and the line number for what is no such object, unknown keys included.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        return decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise FaultyInput(_line_faults(data, decoder, name)) from None


def _line_faults(data: bytes, decoder: msgspec.json.Decoder[Item], name: str) -> list[Fault]:
    faults: list[Fault] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            faults.append(Fault(code="RECON_BAD_LINE", line=number, field=name, message=mask_nir(str(error))))
            if len(faults) == MOST_FAULTS:
                break
    return faults or [Fault(code="RECON_BAD_LINE", field=name, message="one object must stand on each line")]


def read_settings(data: bytes) -> Settings:
    """Return the settings; raises FaultyInput with RECON_BAD_SETTINGS for anything unknown, empty windows or a label taught twice."""
    try:
        settings = msgspec.json.decode(data, type=Settings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FaultyInput([Fault(code="RECON_BAD_SETTINGS", message=mask_nir(str(error)))]) from None
    for payer in (None, *settings.per_payer):
        tolerance = settings.of(payer)
        if tolerance.window_from > tolerance.window_to:
            told = Fault(code="RECON_BAD_SETTINGS", field="window_from", value=payer, message="the window ends before it begins")
            raise FaultyInput([told])
    taught: dict[tuple[str, str], str | None] = {}
    for entry in settings.learned:
        if taught.setdefault(taught_key(entry.account, entry.label), entry.payer) != entry.payer:
            raise FaultyInput([Fault(code="RECON_BAD_SETTINGS", field="learned", message="one label stands for two payers")])
    return settings


def write_matches(matches: tuple[Match, ...]) -> bytes:
    """Return one JSON line a record, in the order given."""
    return _ENCODER.encode_lines(matches)


def write_summary(result: Result) -> bytes:
    """Return the summary as one JSON object and a line feed."""
    return msgspec.json.format(_ENCODER.encode(result.summary), indent=2) + b"\n"
