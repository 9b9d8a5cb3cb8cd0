# SPDX-License-Identifier: Apache-2.0
"""Claims checked and decoded: our kernels beside plain Python, in one thread, from bytes in memory to faults or JSON lines.

Two peers. The reader of the tests does the same four passes and finds the same faults, and is written to be read. The other one checks
nothing: one struct for each record, a dict for each invoice, orjson. It does not show the disk, nor an input with many faults.
"""

import argparse
import struct
from typing import Any

import orjson

from desmos_fast.billing.codec import encode
from desmos_fast.billing.reading.codec import blocks, read
from desmos_fast.exchange.codec import check
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.lots.codec import build
from desmos_fast.lots.model import LotSettings
from loadtests.bench_codec import invented
from loadtests.rounds import compare
from tests.oracle import reader as oracle
from tests.oracle import wire as oracle_wire

LINE = 129
Record = tuple[bytes, ...]
NAMES = ("2", "2S", "4", "4S", "4E", "4M")
STRUCTS = {name: struct.Struct("".join(f"{field.length}s" for field in load_pack().tables[name].fields)) for name in NAMES}
PLACES = {name: {field.name: place for place, field in enumerate(load_pack().tables[name].fields)} for name in NAMES}


def decoded(data: bytes) -> bytes:
    """Ours: every check, then the invoices."""
    return b"".join(block for _, block in blocks(read(data)))


def plain_decoded(data: bytes) -> bytes:
    """The reader of the tests: the same checks, then the invoices."""
    if oracle.check(data):
        raise ValueError("the input has a fault")
    return b"".join(orjson.dumps(invoice) + b"\n" for invoice in oracle_wire.decode(data))


def struct_decoded(data: bytes) -> bytes:
    """What one would write for sound records of known order, without a check: a person with a NIR, an AMC, no prescriber."""
    out: list[bytes] = []
    acts: list[dict[str, Any]] = []
    nothing: Record = ()
    head = more = line = s = e = m = nothing
    for at in range(0, len(data), LINE):
        first, mark = data[at : at + 1], data[at + 35 : at + 36]
        if first == b"2":
            if data[at + 38 : at + 39] == b"S":
                more = STRUCTS["2S"].unpack_from(data, at)
            else:
                head, acts = STRUCTS["2"].unpack_from(data, at), []
        elif first == b"5":
            acts.append(struct_act(line, s, e, m))
            out.append(orjson.dumps(struct_invoice(head, more, acts)))
            line = nothing
        elif mark == b"S":
            s = STRUCTS["4S"].unpack_from(data, at)
        elif mark == b"E":
            e = STRUCTS["4E"].unpack_from(data, at)
        elif mark == b"M":
            m = STRUCTS["4M"].unpack_from(data, at)
        else:
            if line:
                acts.append(struct_act(line, s, e, m))
            line, e, m = STRUCTS["4"].unpack_from(data, at), nothing, nothing
    return b"\n".join(out) + b"\n"


def text(record: Record, name: str, field: str) -> str:
    return record[PLACES[name][field]].decode().rstrip()


def day(record: Record, name: str, field: str) -> str | None:
    found = record[PLACES[name][field]]
    return None if found == b"000000" else f"20{found[:2].decode()}-{found[2:4].decode()}-{found[4:].decode()}"


def struct_invoice(head: Record, more: Record, acts: list[dict[str, Any]]) -> dict[str, Any]:
    amc = text(head, "2", "amc_number")
    return {
        "number": int(head[PLACES["2"]["invoice_number"]]), "biller": text(head, "2", "biller"),
        "insured_nir": text(head, "2", "nir") + text(head, "2", "nir_key"),
        "beneficiary": {
            "birth_date": "19" + text(head, "2", "birth_date"), "birth_rank": int(head[PLACES["2"]["birth_rank"]]),
            "rank": int(head[PLACES["2"]["rank"]]), "nir": text(more, "2S", "beneficiary_nir") or None,
        },
        "amo": {
            "regime": text(head, "2", "regime"), "caisse": text(head, "2", "caisse"), "centre": text(head, "2", "centre"),
            "rights_source": int(head[PLACES["2"]["rights_source"]]), "rights_from": day(head, "2", "rights_from"),
            "nature": int(head[PLACES["2"]["nature_assurance"]]), "exemption": text(head, "2", "exoneration"),
            "pathway": text(more, "2S", "pathway"), "treating_physician": text(more, "2S", "treating_physician_flag"),
        },
        "referring_doctor": None,
        "amc": {
            "number": amc, "contract_type": text(head, "2", "contract_type"), "separate_claim": text(head, "2", "split_flag") == "F",
        } if amc else None,
        "accident": None, "prescriber": None, "acts": acts,
    }  # fmt: skip


def struct_act(line: Record, s: Record, e: Record, m: Record) -> dict[str, Any]:
    code = text(line, "4", "act_code")
    numbers = ("quantity", "coefficient", "units", "unit_price", "base", "rate", "amo", "fees", "amc")
    act: dict[str, Any] = {"kind": "ngap", "code": code} if not m else {
        "kind": "ccam", "code": text(m, "4M", "ccam_code"), "grouping": code, "activity": text(m, "4M", "activity"),
        "phase": int(m[PLACES["4M"]["phase"]]),
        "modifiers": [item for place in range(1, 5) if (item := text(m, "4M", f"modifier_{place}"))],
        "teeth": [item for place in range(1, 17) if (item := text(m, "4M", f"tooth_{place}"))],
        "association": text(m, "4M", "association"), "extension": text(m, "4M", "extension"),
        "conditional": text(m, "4M", "conditional"), "supplement": text(m, "4M", "supplement"),
    }  # fmt: skip
    for field in numbers:
        act[field] = int(line[PLACES["4"][field]])
    act |= {
        "complement": text(line, "4", "act_complement"), "date": day(line, "4", "care_date"),
        "exemption": text(line, "4", "line_exoneration"), "qualifier": text(line, "4", "qualifier"),
        "executor": {
            "am": text(line, "4", "executor_am"), "rpps": text(e, "4E", "executor_rpps") if e else None,
            "specialty": text(line, "4", "executor_specialty"), "zone": text(line, "4", "executor_zone"),
            "condition": text(s, "4S", "executor_condition"),
        },
        "prior_agreement": None,
    }  # fmt: skip
    return act


def run(count: int, rounds: int) -> None:
    invoices = invented(count)
    bare = encode(invoices).data
    whole = build(invoices, LotSettings(date="2026-11-21", max_lots_per_file=999)).content
    for peer in (plain_decoded, struct_decoded):
        if [orjson.loads(line) for line in peer(bare).splitlines()] != [orjson.loads(line) for line in decoded(bare).splitlines()]:
            raise SystemExit(f"{peer.__name__} does not read what we read")
    compare_with_oracle(f"{count} invoices, bare run", count, bare, rounds)
    compare_with_oracle(f"{count} invoices, whole file", count, whole, rounds)
    compare_without_checks(count, rounds)


def compare_without_checks(count: int, rounds: int) -> None:
    data = encode(invented(count)).data
    reading = read(data)
    compare(f"check, decode; peer struct: {count}", count, lambda: decoded(data), lambda: struct_decoded(data), rounds)
    compare(f"decode alone; peer struct: {count}", count, lambda: list(blocks(reading)), lambda: struct_decoded(data), rounds)


def compare_with_oracle(name: str, count: int, data: bytes, rounds: int) -> None:
    compare(f"check: {name}", count, lambda: check(data), lambda: oracle.check(data), rounds)
    compare(f"check, decode: {name}", count, lambda: decoded(data), lambda: plain_decoded(data), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    quick = parser.parse_args().quick
    rounds = 3 if quick else 7
    print(f"{rounds} rounds in turn; peers: the reader of the tests, and struct with orjson")
    run(1_000, rounds)
    if not quick:
        compare_without_checks(100_000, rounds)


if __name__ == "__main__":
    main()
