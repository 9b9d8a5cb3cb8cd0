# SPDX-License-Identifier: Apache-2.0
"""One invoice through the real application and database: signed, numbered, sealed, shown, or refused with its reason."""

import hashlib
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.base import ledger
from desmos_fast.base.types import uuid7
from desmos_fast.billing.codec import encode, read_ndjson
from desmos_fast.billing.sealed import unpack
from desmos_fast.db.journal import Event, record
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.tenant import direct, transaction
from tests.api.conftest import MASTER, Desk, House, Reply, person

REAL_FORM: Final = "255081416802538"
AMC: Final = {"number": "0075912345", "contract_type": "00", "separate_claim": False}
APART: Final = AMC | {"separate_claim": True}
C2S: Final = {"number": "99999997", "contract_type": "89"}


def priced(desk: Desk, asked_amo: int, asked_amc: int, **changes: Any) -> dict[str, Any]:
    """Return a visit of 30 euros with these amounts."""
    made = desk.invoice(**changes)
    made["acts"][0] |= {"amo": asked_amo, "amc": asked_amc}
    return made


def errors(reply: Reply) -> list[tuple[str, str]]:
    assert (reply.status, reply.code) == (422, "faulty_input"), reply.body
    return [(error["code"], error["pointer"]) for error in reply.json["errors"]]


async def signed(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    reply = await desk.post("/v1/invoices", body)
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


async def shown(desk: Desk, invoice: str) -> dict[str, Any]:
    reply = await desk.get(f"/v1/invoices/{invoice}")
    assert reply.status == 200, reply.body
    view: dict[str, Any] = reply.json
    return view


async def rows(desk: Desk, query: str, *args: object) -> list[asyncpg.Record]:
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        return list(await con.fetch(query, *args))


async def test_an_invoice_is_signed_and_shown(desk: Desk) -> None:
    reply = await desk.post("/v1/invoices", priced(desk, 2100, 900, amc=AMC))
    made = reply.json
    assert reply.status == 201
    assert reply.headers["Location"] == f"/v1/invoices/{made['id']}"
    assert made == {"id": made["id"], "number": 1, "state": "signed", "total": 3000, "from_amo": 2100, "from_amc": 900, "desk": 0}
    view = await shown(desk, made["id"])
    at, by = view["timeline"][0].pop("at"), view["timeline"][0].pop("by")
    assert UUID(by) in [row["id"] for row in await rows(desk, "SELECT id FROM api_key WHERE tenant_id = $1", desk.tenant)]
    assert at.endswith("Z") or "+00:00" in at
    empty = {"announced": 0, "credited": 0, "reject_code": None, "lot": None, "successor": None}
    assert view == made | {
        "biller": desk.finess,
        "document": "signed",
        "care_date": "2026-11-20",
        "third_party": "full",
        "security": "secured",
        "supersedes": None,
        "shares": [
            {"part": "amo", "payer": "amo:01751", "flow": 1, "amount": 2100, "state": "open"} | empty,
            {"part": "amc", "payer": "amc:0075912345", "flow": 1, "amount": 900, "state": "open"} | empty,
        ],
        "timeline": [{"event": "invoice.signed", "part": None, "detail": None}],
        "stages": [],
    }


@pytest.mark.parametrize(
    ("third_party", "amc", "expected"),
    [
        ("full", C2S, [("amo", "amo:01751", 1, 2100), ("amc", "amo:01751", 1, 900)]),
        ("full", APART, [("amo", "amo:01751", 1, 2100), ("amc", "amc:0075912345", 2, 900)]),
        ("amo", AMC, [("amo", "amo:01751", 1, 2100), ("patient", "patient", 0, 900)]),
        ("none", AMC, [("amo", "amo:01751", 1, 0), ("patient", "patient", 0, 3000)]),
        ("none", APART, [("amo", "amo:01751", 1, 0), ("amc", "amc:0075912345", 2, 0), ("patient", "patient", 0, 3000)]),
    ],
    ids=["c2s", "apart", "amo only", "hors tp", "hors tp apart"],
)
async def test_each_payer_owes_its_share(
    desk: Desk, third_party: str, amc: dict[str, Any], expected: list[tuple[str, str, int, int]]
) -> None:
    made = await signed(desk, priced(desk, 2100, 900, amc=amc, third_party=third_party))
    view = await shown(desk, made["id"])
    assert [(share["part"], share["payer"], share["flow"], share["amount"]) for share in view["shares"]] == expected
    assert made["from_amo"] + made["from_amc"] + made["desk"] == made["total"] == sum(row[3] for row in expected)
    (row,) = await rows(
        desk, "SELECT destination, amc_number, amc_apart, executor_am, fees, amo, amc, amc_sum, kind, insured_key FROM invoice"
    )
    assert (row["destination"], row["executor_am"], row["kind"], row["amc_apart"]) == (17510000, 751234568, "test", amc is APART)
    # As record 5 of flow 01 says: nothing for the insurer when its share is claimed apart.
    assert (row["fees"], row["amo"], row["amc"], row["amc_sum"]) == (3000, 2100, 0 if amc is APART else 900, 900)
    assert row["amc_number"] == int(amc["number"])
    assert {share["transport"] for share in await rows(desk, "SELECT transport FROM share WHERE transport = state")} <= {"open", "due"}
    assert await desk.count("share") == len(expected)


async def test_the_books_say_who_owes_and_keep_their_chain(desk: Desk) -> None:
    await signed(desk, priced(desk, 2100, 900, amc=C2S))
    await signed(desk, priced(desk, 2100, 900, amc=AMC, third_party="amo"))
    entries = [
        ledger.signed(f"{desk.finess}/1", [ledger.Due("amo:01751", 2100), ledger.Due("amo:01751", 900)]),  # type: ignore[arg-type]
        ledger.signed(f"{desk.finess}/2", [ledger.Due("amo:01751", 2100), ledger.Due("patient", 900)]),  # type: ignore[arg-type]
    ]
    kept = await rows(desk, "SELECT seq, event, ref, hash FROM ledger_entry ORDER BY seq")
    assert [(row["seq"], row["event"], row["ref"]) for row in kept] == [
        (1, "invoice.signed", f"{desk.finess}/1"), (2, "invoice.signed", f"{desk.finess}/2")
    ]  # fmt: skip
    assert [row["hash"] for row in kept] == ledger.chain(ledger.GENESIS, entries)
    sums = await rows(desk, "SELECT account, sum(debit - credit)::bigint AS cents FROM ledger_line GROUP BY account")
    assert {row["account"]: row["cents"] for row in sums} == ledger.balances(entries)


async def test_an_invoice_of_nothing_is_signed_and_posts_nothing(desk: Desk) -> None:
    body = desk.invoice()
    body["acts"][0] |= {"unit_price": 0, "base": 0, "rate": 0, "amo": 0, "fees": 0, "amc": 0, "qualifier": "G"}
    made = await signed(desk, body)
    assert (made["state"], made["total"]) == ("signed", 0)
    assert [share["amount"] for share in (await shown(desk, made["id"]))["shares"]] == [0]
    assert await desk.count("ledger_entry") == 0


async def test_amounts_beyond_the_fees_are_refused(desk: Desk) -> None:
    ((code, place),) = errors(await desk.post("/v1/invoices", priced(desk, 2100, 901, amc=AMC)))
    assert (code, place) == ("B2_AMOUNTS", "/acts/0")
    assert errors(await desk.post("/v1/invoices", priced(desk, 2100, 900))) == [("B2_MISSING", "/amc")]


async def test_the_database_too_refuses_shares_that_do_not_make_the_total(desk: Desk) -> None:
    await signed(desk, desk.invoice())
    with pytest.raises(asyncpg.CheckViolationError, match="shares_make_the_total"):
        await rows(desk, "UPDATE invoice SET desk = desk + 1")


async def test_every_fault_of_an_invoice_is_told(desk: Desk) -> None:
    body = desk.invoice(biller="750000010") | {"number": 0}
    body["amo"]["caisse"] = "75"
    body["acts"][0]["rate"] = 101
    found = errors(await desk.post("/v1/invoices", body))
    assert ("wrong_biller", "/biller") in found or ("B2_BAD_VALUE", "/number") in found
    del body["number"]
    found = errors(await desk.post("/v1/invoices", body))
    assert {("wrong_biller", "/biller"), ("B2_BAD_VALUE", "/amo/caisse"), ("B2_BAD_VALUE", "/acts/0/rate")} == set(found)


@pytest.mark.parametrize("number", [0, -1, 1_000_000_000, "7", 1.5, None])
async def test_a_number_that_no_invoice_can_have_is_refused(desk: Desk, number: object) -> None:
    ((code, place),) = errors(await desk.post("/v1/invoices", desk.invoice() | {"number": number}))
    assert code in ("B2_BAD_VALUE", "B2_OVERFLOW")
    assert place == "/number"
    assert await desk.count("invoice") == 0


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"{}{}", b"1", b'{"biller": "\xff"}'])
async def test_what_is_no_invoice_is_refused(desk: Desk, body: bytes) -> None:
    assert {code for code, _ in errors(await desk.post("/v1/invoices", body))} <= {"B2_BAD_JSON", "B2_BAD_VALUE"}


async def test_json_may_stand_on_many_lines(desk: Desk) -> None:
    reply = await desk.post("/v1/invoices", orjson.dumps(desk.invoice(), option=orjson.OPT_INDENT_2))
    assert reply.status == 201, reply.body


async def test_a_test_key_takes_invented_people_only(house: House, desk: Desk) -> None:
    assert errors(await desk.post("/v1/invoices", desk.invoice(insured_nir=REAL_FORM))) == [("wrong_key_kind", "/insured_nir")]
    child = desk.invoice()
    child["beneficiary"]["nir"] = REAL_FORM
    assert errors(await desk.post("/v1/invoices", child)) == [("wrong_key_kind", "/beneficiary/nir")]
    live = await house.desk("live")
    assert errors(await live.post("/v1/invoices", live.invoice())) == [("wrong_key_kind", "/insured_nir")]
    assert (await live.post("/v1/invoices", live.invoice(insured_nir=REAL_FORM))).status == 201


async def test_a_key_bills_for_its_own_centre(house: House, desk: Desk) -> None:
    other = await house.desk()
    assert errors(await desk.post("/v1/invoices", other.invoice())) == [("wrong_biller", "/biller")]


async def test_a_draft_stops_before_the_signature(desk: Desk) -> None:
    reply = await desk.post("/v1/invoices?draft=true", desk.invoice())
    assert (reply.status, reply.json["state"], reply.json["number"]) == (201, "priced", 1)
    view = await shown(desk, reply.json["id"])
    assert (view["state"], view["document"], view["shares"]) == ("priced", "priced", [])
    assert [event["event"] for event in view["timeline"]] == ["invoice.priced"]
    assert await desk.count("share") == await desk.count("ledger_entry") == 0
    assert (await signed(desk, desk.invoice()))["number"] == 2


async def test_a_check_keeps_nothing(house: House, desk: Desk) -> None:
    wrong = desk.invoice(insured_nir=REAL_FORM)
    for body, expected in ((desk.invoice(), 200), (wrong, 422)):
        reply = await house.send("POST", "/v1/invoices?validate_only=true", {"Authorization": f"Bearer {desk.key}"}, orjson.dumps(body))
        assert reply.status == expected, reply.body
    assert errors(reply) == [("wrong_key_kind", "/insured_nir")]
    assert await desk.count("invoice") == await desk.count("counter") == await desk.count("idempotency") == 0


async def test_another_centre_sees_nothing(house: House, desk: Desk) -> None:
    made, other = await signed(desk, desk.invoice()), await house.desk()
    foreign, unknown = await other.get(f"/v1/invoices/{made['id']}"), await other.get(f"/v1/invoices/{uuid7()}")
    for reply in (foreign, unknown):
        assert (reply.status, reply.code) == (404, "not_found")
    assert foreign.json["detail"] == unknown.json["detail"]


async def test_people_are_nowhere_to_be_read(house: House, desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    nir, own = person(901), person(902)
    body = priced(desk, 2100, 900, amc=APART, insured_nir=nir)
    body["beneficiary"] |= {"nir": own, "last_name": "ZAPHODBEEB", "first_name": "TRILLIANE"}
    answers = [await desk.post("/v1/invoices", body), await desk.post("/v1/invoices", body | {"insured_nir": nir[:13] + "98"})]
    answers.append(await desk.post("/v1/invoices", body | {"number": int(nir)}))
    answers.append(await desk.post("/v1/invoices", body | {"biller": nir}))
    answers.append(await desk.post("/v1/invoices", body | {"security": nir}))
    answers.append(await desk.post("/v1/invoices", body | {nir: 1}))
    answers.append(
        await desk.post("/v1/invoices:batch", b"\n".join(orjson.dumps(line) for line in (body, body | {"security": nir}, body | {nir: 1})))
    )
    answers.append(await desk.get(f"/v1/invoices/{answers[0].json['id']}"))
    answers.append(await house.send("GET", "/metrics", {}))
    said = [answer.body.decode() for answer in answers] + [str(dict(answer.headers)) for answer in answers] + list(capfd.readouterr())
    for table in await rows(desk, "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"):
        said += [row["all"] for row in await rows(desk, f'SELECT t::text AS "all" FROM "{table["relname"]}" AS t')]
    assert len(said) > 40
    for secret in (nir[:13], own[:13], "ZAPHODBEEB", "TRILLIANE"):
        # A column of bytes is written as the hexadecimal of what it holds.
        for form in (secret, secret.encode().hex()):
            assert not [text for text in said if form in text]


async def test_a_sealed_invoice_opens_with_the_usual_library(desk: Desk) -> None:
    body = priced(desk, 2100, 900, amc=APART)
    del body["created_on"]
    await signed(desk, body)
    (row,) = await rows(desk, "SELECT id, sealed, content_hash, created_on FROM invoice")
    keys = Keyring(MASTER).of(desk.tenant)
    place = b"invoice\0" + desk.tenant.bytes + row["id"].bytes
    blob = AESGCM(keys.seal).decrypt(row["sealed"][:12], row["sealed"][12:], place)
    assert hashlib.sha256(blob).digest() == row["content_hash"]
    flow1, flow2, wire = unpack(blob)
    kept = orjson.loads(wire)
    assert kept["created_on"] == row["created_on"].isoformat()
    assert {name: kept[name] for name in body} == body
    assert kept["number"] == 1
    invoices, _, faults = read_ndjson(wire)
    assert not faults
    assert flow1 == encode(invoices, flow=1).data
    assert flow2 == encode(invoices, flow=2).data
    assert flow1 != flow2


async def test_the_state_follows_the_shares(desk: Desk) -> None:
    made = await signed(desk, priced(desk, 2100, 900, amc=AMC))
    for change, state in (
        ("state = 'lotted'", "in_lot"),
        ("state = 'announced', announced = amount", "part_paid"),
        ("state = 'settled', credited = amount", "paid"),
        ("announced = amount + 1", "to_review"),
        ("announced = 0, state = 'rejected', reject_code = '0250050'", "to_fix"),
    ):
        await rows(desk, f"UPDATE share SET {change}")
        view = await shown(desk, made["id"])
        assert (view["state"], view["document"]) == (state, "signed")
    assert {share["reject_code"] for share in view["shares"]} == {"0250050"}


async def test_a_share_shows_its_lot(desk: Desk) -> None:
    made = await signed(desk, desk.invoice())
    file, lot = uuid7(), uuid7()
    await rows(
        desk,
        """
        INSERT INTO file (tenant_id, id, biller, sequence, name, created_on, state, profile, size, sha256, sealed, created_at)
        VALUES ($1, $2, $3, 1, 'x', now(), 'built', 'essai-1', 1, $4, '', now())
        """,
        desk.tenant, file, desk.finess, bytes(32),
    )  # fmt: skip
    await rows(
        desk,
        """
        INSERT INTO lot (tenant_id, id, biller, cycle, number, flow, destination, amc_number, security, lot_date, state, invoices,
                         fees, amo, amc, file_id, created_at)
        VALUES ($1, $2, $3, 1, 12, 1, 17510000, 0, 'S', now(), 'sealed', 1, 3000, 2100, 0, $4, now())
        """,
        desk.tenant, lot, desk.finess, file,
    )  # fmt: skip
    await rows(desk, "UPDATE share SET lot_id = $1, state = 'lotted' WHERE part = 'amo'", lot)
    view = await shown(desk, made["id"])
    assert view["shares"][0]["lot"] == {"id": str(lot), "number": 12, "state": "sealed", "ack_missing": False}
    assert view["shares"][1]["lot"] is None


async def test_the_timeline_is_in_order(house: House, desk: Desk) -> None:
    made, other = await signed(desk, desk.invoice()), await signed(desk, desk.invoice())
    identity, at = (await rows(desk, "SELECT id, signed_at FROM invoice WHERE number = 1"))[0]
    names = [f"share.step{step}" for step in range(20)]
    async with transaction(house.pool, desk.tenant) as con:
        events = [Event(name, uuid7(), identity, "amo", {"cents": step}) for step, name in enumerate(names)]
        await record(con, desk.tenant, at, events, by="worker")
    timeline = (await shown(desk, made["id"]))["timeline"]
    assert [event["event"] for event in timeline] == ["invoice.signed", *names]
    assert timeline[-1] | {"at": ""} == {"at": "", "event": "share.step19", "part": "amo", "by": "worker", "detail": {"cents": 19}}
    assert len((await shown(desk, other["id"]))["timeline"]) == 1


async def test_metrics_count_what_was_signed_and_refused(house: House, desk: Desk) -> None:
    async def count(name: str) -> float:
        text = (await house.send("GET", "/metrics", {})).body.decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f'desmos_invoices_{name}_total{{kind="test"}}'))

    before = await count("signed"), await count("refused")
    key, body = str(uuid7()), desk.invoice()
    for _ in range(2):
        assert (await desk.post("/v1/invoices", body, key)).status == 201
    assert (await desk.post("/v1/invoices", desk.invoice(insured_nir=REAL_FORM))).status == 422
    assert (await desk.post("/v1/invoices?draft=true", desk.invoice())).status == 201
    assert (await count("signed"), await count("refused")) == (before[0] + 1, before[1] + 1)
