# SPDX-License-Identifier: Apache-2.0
"""Lots parted as a caller declares, and signed by a card: kept with the lot, looked at again before the file leaves."""

from pathlib import Path

import asyncpg
import pytest

from tests.api.conftest import Desk
from tests.api.post import build, column, content, drain, rows, sign

pytestmark = pytest.mark.usefixtures("empty_queue")
KINDS = ("01_ngap_visit", "02_dental_ccam", "07_amc_apart", "08_c2s", "13_defaults", "17_third_party")
COLUMNS = "SELECT signed_by, length(signature), first_record, records FROM lot ORDER BY number"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the simulator's card sign."""
    monkeypatch.setenv("DESMOS_SIGNING", "simulator")


async def test_lots_leave_unsigned_unless_a_card_is_chosen(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, *KINDS)
    (file,) = (await build(desk))["files"]
    async with rows(desk) as con:
        assert {tuple(row) for row in await con.fetch(COLUMNS)} == {(None, None, None, None)}
    assert (await drain(desk, tmp_path)).sent == 1
    assert (tmp_path / file["name"]).read_bytes() == await content(desk, file["id"])


@pytest.mark.usefixtures("card")
async def test_a_signature_is_kept_with_its_lot_and_the_file_leaves(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, *KINDS)
    (file,) = (await build(desk))["files"]
    data = await content(desk, file["id"])
    kinds = [data[at : at + 1] for at in range(0, len(data), 129)]
    heads, tails = ([at for at, kind in enumerate(kinds, 1) if kind == wanted] for wanted in (b"1", b"6"))
    async with rows(desk) as con:
        assert [tuple(row) for row in await con.fetch(COLUMNS)] == [
            ("simulator", 64, head, tail - head + 1) for head, tail in zip(heads, tails, strict=True)
        ]
    assert (await drain(desk, tmp_path)).sent == 1
    assert (tmp_path / file["name"]).read_bytes() == data


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    "change", ["signature = sha256(signature) || sha256('')", "signed_by = 'nobody'", "first_record = first_record + 1"]
)
async def test_a_file_whose_signature_does_not_fit_does_not_leave(desk: Desk, tmp_path: Path, change: str) -> None:
    await sign(desk, *KINDS)
    (file,) = (await build(desk))["files"]
    async with rows(desk) as con:
        await con.execute(f"UPDATE lot SET {change} WHERE number = 2")
    reply = await desk.get(f"/v1/files/{file['id']}/content")
    assert (reply.status, reply.code) == (500, "internal")
    sender = await drain(desk, tmp_path)
    assert (sender.sent, sender.dead, names(tmp_path)) == (0, 1, [])
    assert await column(desk, "SELECT detail->>'code' FROM event WHERE name = 'file.dead'") == ["lot_signature_broken"]


async def test_a_signature_is_kept_whole_or_not_at_all(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit")
    await build(desk)
    with pytest.raises(asyncpg.CheckViolationError, match="lot_signed"):
        async with rows(desk) as con:
            await con.execute("UPDATE lot SET signature = 'x'")


async def test_files_are_parted_as_declared(desk: Desk) -> None:
    await sign(desk, *KINDS)
    built = await build(desk, files_by=["security", "flow"], lots_by=["amount"], amount_bounds=[5000], max_amount_per_lot=20_000)
    assert [{(lot["security"], lot["flow"]) for lot in file["lots"]} for file in built["files"]] == [{("D", 1)}, {("S", 1)}, {("S", 2)}]
    lots = [lot for file in built["files"] for lot in file["lots"]]
    assert [lot["number"] for lot in lots] == list(range(1, len(lots) + 1))
    assert all(lot["fees"] <= 20_000 or lot["invoices"] == 1 for lot in lots)
    assert await column(desk, "SELECT value FROM counter WHERE kind = 'lot'") == [len(lots)]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b'{"lots_by":["colour"]}', "B2_BAD_VALUE", "/lots_by/0"),
        (b'{"lots_by":["age"]}', "B2_MISSING", "/age_bounds"),
        (b'{"age_bounds":[30]}', "B2_BAD_VALUE", "/age_bounds"),
        (b'{"max_bytes_per_file":1000}', "B2_BAD_VALUE", "/max_bytes_per_file"),
        (b'{"max_amount_per_lot":1000000000000}', "B2_OVERFLOW", "/max_amount_per_lot"),
    ],
)
async def test_what_cannot_part_lots_builds_nothing(desk: Desk, body: bytes, code: str, pointer: str) -> None:
    await sign(desk, "01_ngap_visit")
    reply = await desk.post("/v1/lots:build", body)
    assert (reply.status, reply.code) == (422, "faulty_input")
    assert [(error["code"], error["pointer"]) for error in reply.json["errors"]] == [(code, pointer)]
    assert await desk.count("lot") == 0
