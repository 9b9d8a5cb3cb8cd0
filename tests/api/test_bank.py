# SPDX-License-Identifier: Apache-2.0
"""Statements in every format through the service: once each movement, however often and in whatever file it comes."""

import itertools
from typing import Any

import orjson
import pytest

from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, Reply
from tests.api.test_replay import replayed
from tests.generators.camt import IBAN, Detail, Entry, Message
from tests.settlement import statements
from tests.settlement.centre import Centre
from tests.settlement.statements import detail, movement

RIB = f"3000200550{statements.ACCOUNT}"
MAPPING = b'account = "FR7630006000011234567890189"\n[columns]\nbooking_date = "Date"\nlabel = "Texte"\namount = "Montant"\n'
CSV = "Date;Texte;Montant\n02/10/2026;VIR CPAM 262750001234;1669,56\n02/10/2026;VIR CPAM 262750001234;1669,56\n03/10/2026;FRAIS;-22,79\n"


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)


async def give(desk: Desk, data: bytes, query: str = "") -> Any:
    reply = await desk.post(f"/v1/bank-statements{query}", data)
    assert reply.status == 200, reply.body
    return reply.json


async def send(desk: Desk, method: str, path: str, body: bytes | None = None) -> Reply:
    headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
    return await desk.house.send(method, path, headers, body)


async def live(centre: Centre) -> list[int]:
    """The amounts that stand in the books, once each."""
    async with centre.rows() as con:
        rows = await con.fetch("SELECT amount FROM bank_line WHERE duplicate_of IS NULL ORDER BY amount")
    return [row["amount"] for row in rows]


async def posted(centre: Centre) -> int:
    return sum(amount for account, amount in (await centre.balances()).items() if account.startswith("banque"))


def camt(*entries: Entry, notification: bool = False, more: str = "") -> bytes:
    return Message(entries, notification=notification, version="08", more=more).bytes()


async def test_a_camt_statement_enters_the_books(centre: Centre) -> None:
    answer = await give(centre.desk, camt(Entry(), Entry("22.79", direction="DBIT"), Entry("5.00", status="PDNG"), Entry("7.00", "USD")))
    assert (answer["format"], answer["lines"], answer["duplicates"], answer["amount"]) == ("camt.053", 4, 0, 164677)
    assert await posted(centre) == 164677


async def test_the_same_movements_in_other_files_are_told_and_two_alike_stay_two(centre: Centre) -> None:
    alike = Entry("5.00")
    first = await give(centre.desk, camt(alike, alike, Entry("1.00")))
    assert await give(centre.desk, camt(alike, alike, Entry("1.00"))) == first
    again = await give(centre.desk, camt(alike, alike, Entry("1.00"), more="<!-- the same in another file -->"))
    assert (again["lines"], again["duplicates"], again["amount"]) == (3, 3, 0)
    later = await give(centre.desk, camt(Entry("1.00"), alike, alike, alike, Entry("9.00")))
    assert (later["duplicates"], later["amount"]) == (3, 1400)
    assert await live(centre) == [100, 500, 500, 500, 900]


async def test_cfonb_files_whose_periods_overlap_give_each_movement_once(centre: Centre) -> None:
    alike = movement(500)
    await centre.bank(alike, alike, movement(100))
    reply = await centre.bank(alike, alike, movement(700), opening=100100)
    assert (reply.json["duplicates"], await live(centre)) == (2, [100, 500, 500, 700])


async def test_a_nul_in_a_statement_is_a_blank_in_the_books(centre: Centre) -> None:
    records = statements.statement(movement(500, "VIR\0CPAM", "\0\0"), detail("LIB", "A\0B \\u0000"), detail("Z\0Z", "C"))
    holed = [f"{record[:21]}1234567890\0{record[32:]}" for record in records]
    told = await give(centre.desk, statements.joined(*holed))
    assert (told["amount"], told["balances"][0]["account"]) == (500, "30002005501234567890")
    async with centre.rows() as con:
        document = await con.fetchval("SELECT document FROM bank_line")
    said = orjson.loads(document)
    assert (said["label"], said["remittance"], said["account"]) == ("VIR CPAM", ["A B \\u0000"], "30002005501234567890")


async def test_what_was_pending_is_paid_when_it_comes_booked(centre: Centre) -> None:
    pending, booked = Entry("5.00", status="PDNG"), Entry("5.00")
    assert (await give(centre.desk, camt(pending)))["amount"] == 0
    assert (await give(centre.desk, camt(pending, booked)))["amount"] == 500
    answer = await give(centre.desk, camt(booked, more="<!-- again -->"))
    assert (answer["duplicates"], await posted(centre)) == (1, 500)


KEYED = [
    {"servicer": "SRV1"},
    {"reference": "NTRY1"},
    {"batch": "LOT1", "details": [Detail("1669.56")]},
    {"servicer": "1850799999001 53", "reference": "1"},
]


@pytest.mark.parametrize("keys", KEYED)
@pytest.mark.parametrize("notified_first", [False, True])
async def test_a_statement_and_a_notification_are_one_movement(centre: Centre, keys: dict[str, Any], notified_first: bool) -> None:
    files = [camt(Entry(**keys)), camt(Entry(**keys, label="AVIS DE CREDIT"), notification=True)]
    answers = [await give(centre.desk, data) for data in (reversed(files) if notified_first else files)]
    assert [answer["duplicates"] for answer in answers] == [0, 1]
    assert (await live(centre), await posted(centre)) == ([166956], 166956)
    again = await give(centre.desk, camt(Entry(**keys, label="AVIS DE CREDIT"), notification=True, more="<!-- again -->"))
    assert (again["duplicates"], await live(centre)) == (1, [166956])


async def test_the_details_of_a_notification_that_comes_late_are_kept_beside_the_movement(centre: Centre) -> None:
    await give(centre.desk, camt(Entry("21.00", servicer="S1", label="VIR")))
    details = [Detail("20.00", texts=("DECOMPTE 26274000000001",)), Detail("1.00")]
    answer = await give(centre.desk, camt(Entry("21.00", servicer="S1", details=details), notification=True))
    assert (answer["duplicates"], answer["amount"], await live(centre), await posted(centre)) == (2, 0, [2100], 2100)
    async with centre.rows() as con:
        rows = await con.fetch("SELECT duplicate_of, document ->> 'amount' AS amount FROM bank_line WHERE duplicate_of IS NOT NULL")
        [ref] = await con.fetch("SELECT ref FROM bank_line WHERE duplicate_of IS NULL")
    assert [tuple(row) for row in rows] == [(ref["ref"], "2000"), (ref["ref"], "100")]


async def test_a_notification_that_comes_first_is_matched_by_its_details(centre: Centre) -> None:
    await centre.invoice(1)
    await centre.order("o:1", centre.line(2100, 1), reference="26274000000001")
    details = [Detail("21.00", texts=("DECOMPTE 26274000000001",)), Detail("1.00")]
    await give(centre.desk, camt(Entry("22.00", servicer="S1", details=details), notification=True))
    assert (await centre.reconcile())["rules"]["B1"] == {"count": 1, "cents": 2100}
    await give(centre.desk, camt(Entry("22.00", servicer="S1")))
    assert (await centre.reconcile())["rules"] == {"B9": {"count": 1, "cents": 100}}


async def test_a_notification_in_several_lines_goes_before_a_statement_in_one(centre: Centre) -> None:
    details = [Detail("20.00"), Detail("1.00")]
    await give(centre.desk, camt(Entry("21.00", servicer="S1", details=details), notification=True))
    answer = await give(centre.desk, camt(Entry("21.00", servicer="S1")))
    assert (answer["duplicates"], await live(centre)) == (1, [100, 2000])


OTHERS = [
    Entry("1669.57", servicer="S1", reference="1"),
    Entry("1669.56", servicer="S2", reference="2", label="AVIS"),
    Entry("1669.56", reference="1", booked="2026-10-03"),
    Entry("1669.56", "USD", servicer="S1", reference="1"),
    Entry("1669.56", direction="DBIT", servicer="S1", reference="1"),
]


@pytest.mark.parametrize("other", OTHERS)
async def test_a_notification_of_something_else_is_a_movement_of_its_own(centre: Centre, other: Entry) -> None:
    await give(centre.desk, camt(Entry(servicer="S1", reference="1")))
    assert (await give(centre.desk, Message([other], notification=True).bytes()))["duplicates"] == 0


async def test_another_account_is_another_movement(centre: Centre) -> None:
    await give(centre.desk, camt(Entry(servicer="S1")))
    other = Message([Entry(servicer="S1")], notification=True, account="FR1420041010050500013M02606").bytes()
    assert (await give(centre.desk, other))["duplicates"] == 0


async def test_two_entries_of_one_file_are_never_the_same_movement(centre: Centre) -> None:
    pair = [Entry("5.00", servicer="S1", label=label) for label in ("A", "B")]
    await give(centre.desk, camt(Entry("5.00", servicer="S1", label="C"), notification=True))
    answer = await give(centre.desk, camt(*pair))
    assert (answer["duplicates"], await live(centre)) == (1, [500, 500])


async def test_an_account_that_comes_in_two_formats_is_told_and_kept_twice(centre: Centre) -> None:
    await centre.bank(movement(166956), movement(500))
    iban = "FR7030002005500000157845Z02"
    answer = await give(centre.desk, Message([Entry(), Entry("9.00")], account=iban).bytes())
    [warning] = [fault for fault in answer["warnings"] if fault["code"] == "BANK_OVERLAP"]
    assert warning["value"] == "1" and "2 movements from 2026-10-02 to 2026-10-02 came in cfonb120" in warning["message"]
    assert await live(centre) == [500, 900, 166956, 166956]
    days = Message([Entry(booked="2026-12-02")], account=iban).bytes()
    assert (await give(centre.desk, days))["warnings"] == []
    back = await centre.bank(movement(4, day="021226"), opening=267456)
    assert [(fault["code"], fault["value"]) for fault in back.json["warnings"]] == [("BANK_OVERLAP", "0")]


async def test_a_statement_and_a_notification_are_one_format(centre: Centre) -> None:
    await give(centre.desk, camt(Entry("5.00")))
    assert (await give(centre.desk, camt(Entry("6.00"), notification=True)))["warnings"] == []


async def test_a_csv_is_read_by_a_mapping_of_the_centre(centre: Centre) -> None:
    desk = centre.desk
    assert (await send(desk, "PUT", "/v1/bank-mappings/ma-banque", MAPPING)).status == 200
    answer = await give(desk, CSV.encode(), "?mapping=ma-banque")
    assert (answer["format"], answer["lines"], answer["duplicates"], answer["amount"]) == ("csv", 3, 0, 331633)
    again = await give(desk, (CSV + "04/10/2026;VIR;1\n").encode(), "?format=csv&mapping=ma-banque")
    assert (again["duplicates"], again["amount"]) == (3, 100)
    listed = (await desk.get("/v1/bank-mappings")).json["mappings"]
    assert [(row["name"], row["mapping"]["account"]) for row in listed] == [("ma-banque", IBAN)]
    assert (await desk.get("/v1/bank-mappings/ma-banque")).json == listed[0]
    assert (await send(desk, "PUT", "/v1/bank-mappings/ma-banque", MAPPING.replace(b"Texte", b"Autre"))).status == 200
    assert (await desk.get("/v1/bank-mappings/ma-banque")).json["mapping"]["columns"]["label"] == "Autre"
    assert (await desk.get("/v1/bank-mappings/autre")).status == 404


async def test_mappings_are_of_one_centre_and_sound(desk: Desk) -> None:
    other = await desk.house.desk()
    assert (await send(desk, "PUT", "/v1/bank-mappings/a", MAPPING)).status == 200
    assert (await other.get("/v1/bank-mappings")).json == {"mappings": []}
    assert (await other.post("/v1/bank-statements?mapping=a", CSV.encode())).status == 404
    for name, body in (("a", b"x"), ("A", MAPPING), ("a" * 41, MAPPING), ("b", MAPPING + b'x = "y"\n')):
        reply = await send(desk, "PUT", f"/v1/bank-mappings/{name}", body)
        assert (reply.status, reply.json["code"]) == (422, "bank_mapping_invalid")


async def test_formats_that_are_none_and_files_that_are_none(desk: Desk) -> None:
    assert (await desk.post("/v1/bank-statements?format=mt940", b"x")).status == 400
    for data, code in ((camt(Entry("1.001")), "BANK_DECIMALS"), (CSV.encode(), "BANK_CSV"), (b"<x/>", "BANK_XML")):
        reply = await desk.post("/v1/bank-statements", data)
        assert (reply.status, reply.json["code"]) == (422, "bank_refused") and code in reply.body.decode()


@pytest.mark.parametrize("text", ["1850799999001 53", "185079999900153"])
async def test_no_nir_of_any_format_is_stored(centre: Centre, text: str) -> None:
    nir = "1850799999001"
    said = f"REMB {nir}53"
    payer = Detail("5.00", debtor=said, texts=(said,), end_to_end=f"{nir}53", servicer=text)
    await give(centre.desk, camt(Entry("5.00", label=said, reference=f"{nir}53", details=[payer]), notification=True))
    await send(centre.desk, "PUT", "/v1/bank-mappings/a", MAPPING)
    await give(centre.desk, f"Date;Texte;Montant\n02/10/2026;{said};1\n".encode(), "?mapping=a")
    await centre.bank(movement(500), detail("LCC", said))
    async with centre.rows() as con:
        for table in ("bank_line", "bank_file", "bank_entry", "event"):
            assert nir not in str(await con.fetch(f"SELECT * FROM {table}")), table


async def test_whatever_the_order_of_the_files_the_money_is_the_same(desk: Desk) -> None:
    files = [
        camt(Entry("5.00", servicer="S1"), Entry("7.00", servicer="S2")),
        camt(Entry("5.00", servicer="S1", label="X", details=[Detail("2.00"), Detail("3.00")]), notification=True),
        camt(Entry("7.00", servicer="S2"), Entry("8.00", servicer="S3", label="Y"), notification=True),
        camt(Entry("7.00", servicer="S2"), Entry("8.00", servicer="S3")),
    ]
    for order in itertools.permutations(files):
        centre = Centre(await desk.house.desk())
        for data in order:
            await give(centre.desk, data)
        assert sum(await live(centre)) == await posted(centre) == 2000


async def test_what_two_files_tell_is_played_again_to_the_same(centre: Centre) -> None:
    await centre.invoice(1)
    await centre.order("o:1", centre.line(2100, 1), reference="26274000000001")
    paid = Entry("21.00", servicer="S1", label="DECOMPTE 26274000000001")
    await give(centre.desk, camt(Entry("5.00", status="PDNG"), paid))
    await centre.reconcile()
    await give(centre.desk, camt(Entry("21.00", servicer="S1", label="AVIS"), Entry("5.00"), notification=True))
    await centre.reconcile()
    found = await replayed(centre)
    assert (found.differences, found.runs) == ((), 2) and found.same
