# SPDX-License-Identifier: Apache-2.0
"""Claims from invoices: our encoder beside f-strings generated from the same layout tables, in one thread.

Shows the cost an invoice from objects in memory (with every check) and from NDJSON bytes to the bytes of the records. The peer checks
nothing, prices nothing and finds no fault. It does not show the disk, the database, lots, nor the cost of faulty input. Times are those
of the thread, since nothing waits.
"""

import argparse
import statistics
from collections.abc import Callable
from time import thread_time
from typing import Any

import msgspec
import orjson

from desmos_fast.billing.codec import encode, read_ndjson
from desmos_fast.billing.kernel import encoder
from desmos_fast.billing.model import Amc, Amo, Beneficiary, CcamAct, Executor, Invoice, NgapAct
from desmos_fast.exchange.compiler import ELEMENT, WHOLE, source_of
from desmos_fast.exchange.layouts import Field, load_pack
from loadtests.rounds import compare, seconds

RECORDS = ("2", "2S", "4", "4S", "4E", "4M", "5")
EXECUTOR = Executor(am="751234568", specialty="01", condition="S", rpps="10001234565", zone="26")


def invented(count: int) -> list[Invoice]:
    """Visits and, one in four, a dental act: one act an invoice, 6 or 7 records."""
    visit = NgapAct(code="G", date="2026-11-20", unit_price=3000, base=3000, rate=70, amo=2100, fees=3000, amc=900, executor=EXECUTOR)
    crown = CcamAct(
        code="HBLD634", grouping="PF0", activity="1", teeth=("11",), date="2026-11-20", unit_price=12_000, base=12_000, rate=60, amo=7200,
        fees=50_000, amc=42_800, executor=EXECUTOR,
    )  # fmt: skip
    return [
        Invoice(
            number=number,
            biller="750000010",
            insured_nir="255089999901283",
            beneficiary=Beneficiary(birth_date="19550814", last_name="DUPONT", first_name="MARIE"),
            amo=Amo(regime="01", caisse="751", centre="0000", rights_source=4, pathway="T", treating_physician="O"),
            amc=Amc(number="0075912345"),
            acts=(crown if number % 4 == 0 else visit,),
        )
        for number in range(1, count + 1)
    ]


RULES = {
    "=biller": "i.biller",
    "=accident": "('0' * 9 if i.accident is None else i.accident.number or '000' + day(i.accident.date))",
    "=split_flag": "('F' if i.amc is not None and i.amc.separate_claim else '')",
    "=amc_number": "('' if i.amc is None else i.amc.number.rjust(10, '0'))",
    "=act_code": "(a.grouping if type(a) is CcamAct else a.code)",
    "=prescriber_specialty": "(i.prescriber.specialty if i.prescriber is not None and i.prescriber.condition == 'S' else 0)",
    "=prior_agreement_code": "(9 if a.prior_agreement is None else a.prior_agreement.code)",
    "=act_amc": "(0 if i.amc is not None and i.amc.separate_claim else a.amc)",
}
NULLABLE = ("prescriber", "referring_doctor", "amc", "act.prior_agreement")


def expression(field: Field) -> str:
    """What a person would write between the braces for one field."""
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
    elif field.kind != "alpha":
        found = f"({found} or 0)"
    else:
        found = f"({found} or '')"
    owner = path.rpartition(".")[0]
    if owner in NULLABLE:
        holder = "a" + owner.removeprefix("act") if owner.startswith("act.") else f"i.{owner}"
        found = f"('' if {holder} is None else {found})"
    return found


def generated(record_type: str) -> str:
    parts = []
    for field in load_pack().tables[record_type].fields:
        if field.kind in ("const", "filler"):
            parts.append(field.value.ljust(field.length))
        else:
            fill = "<" if field.kind == "alpha" else "0>"
            parts.append(f"{{{expression(field)}:{fill}{field.length}}}")
    return f'    return f"{"".join(parts)}\\n"\n'


def f_strings() -> Callable[[list[Invoice]], bytes]:
    """Compile the peer: one function and one f-string a record, as one writes fixed-width files in Python."""
    source = ""
    for record_type in RECORDS:
        source += f"def r{record_type}(i, a, line_count, total_fees, total_amo, total_insured_share, total_amc):\n" + generated(record_type)
    names: dict[str, Any] = {"CcamAct": CcamAct, "day": lambda text: "" if text is None else text[2:4] + text[5:7] + text[8:10]}
    exec(compile(source, "<f-strings>", "exec"), names)
    writers = [names[f"r{record_type}"] for record_type in RECORDS]
    return lambda invoices: "".join([piece for invoice in invoices for piece in written(invoice, writers)]).encode("ascii")


def written(invoice: Invoice, writers: list[Callable[..., str]]) -> list[str]:
    two, two_s, four, four_s, four_e, four_m, five = writers
    acts = invoice.acts
    apart = invoice.amc is not None and invoice.amc.separate_claim
    fees, amo = sum(act.fees for act in acts), sum(act.amo for act in acts)
    amc = 0 if apart else sum(act.amc for act in acts)
    rest = (0, fees, amo, fees - amo, amc)
    pieces = [two(invoice, None, *rest), two_s(invoice, None, *rest)]
    for act in acts:
        pieces += [four(invoice, act, *rest), four_s(invoice, act, *rest)]
        if act.executor.rpps is not None or (invoice.prescriber is not None and (invoice.prescriber.rpps or invoice.prescriber.structure)):
            pieces.append(four_e(invoice, act, *rest))
        if type(act) is CcamAct:
            pieces.append(four_m(invoice, act, *rest))
    pieces.append(five(invoice, None, len(pieces) - 2, *rest[1:]))
    return pieces


def of_memcpy(invoices: list[Invoice], rounds: int) -> None:
    """Print the time of encoding as a share of the time that a copy of its output takes."""
    given = tuple(invoices)
    data = encoder().encode(given, 1)[0]
    copies = [seconds(lambda: bytearray(data), thread_time) for _ in range(rounds)]
    shares = [copy / seconds(lambda: encoder().encode(given, 1), thread_time) for copy in copies]
    print(f"{'of memcpy of its own output':<44} {statistics.median(shares) * 100:>8.1f} %")


def run(count: int, rounds: int, peer: Callable[[list[Invoice]], bytes]) -> None:
    invoices = invented(count)
    given = tuple(invoices)
    wire = msgspec.json.Encoder().encode_lines(invoices)
    assert encode(invoices).data == peer(invoices), "the peer writes other bytes"

    def from_wire() -> bytes:
        return encode(read_ndjson(wire)[0]).data

    def peer_from_wire() -> bytes:
        for line in wire.splitlines():
            orjson.loads(line)
        return peer(invoices)

    compare(f"objects to records: {count} invoices", count, lambda: encoder().encode(given, 1), lambda: peer(invoices), rounds, thread_time)
    compare(f"NDJSON to records: {count} invoices", count, from_wire, peer_from_wire, rounds, thread_time)
    of_memcpy(invoices, rounds)


def one_by_one(count: int, rounds: int, peer: Callable[[list[Invoice]], bytes]) -> None:
    """One invoice in one call, as the service does for a single request."""
    each = [(invoice,) for invoice in invented(count)]
    listed = [list(item) for item in each]
    run = encoder().encode

    def ours() -> None:
        for item in each:
            run(item, 1)

    def theirs() -> None:
        for item in listed:
            peer(item)

    compare("one invoice in one call", count, ours, theirs, rounds, thread_time)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    quick = parser.parse_args().quick
    rounds, peer = (5 if quick else 9), f_strings()
    print(f"{rounds} rounds in turn; peer: generated f-strings without any check (orjson before them for NDJSON)")
    for count in (1_000,) if quick else (1_000, 20_000):
        run(count, rounds, peer)
    one_by_one(1_000, rounds, peer)


if __name__ == "__main__":
    main()
