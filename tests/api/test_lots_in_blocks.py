# SPDX-License-Identifier: Apache-2.0
"""A build that reads, opens and stores in several goes makes what it makes in one."""

import pytest

from desmos_fast.exchange.codec import examine
from desmos_fast.lots import service
from tests.api.conftest import Desk
from tests.api.post import build, column, content, rows, shares, sign

KINDS = ("01_ngap_visit", "02_dental_ccam", "07_amc_apart", "08_c2s", "13_defaults", "17_third_party")


@pytest.fixture(params=[1, 2, 5])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take few invoices and few claims at a time."""
    monkeypatch.setattr(service, "AT_ONCE", request.param)
    monkeypatch.setattr(service, "MEMBERS_AT_ONCE", request.param)


@pytest.mark.usefixtures("blocks")
async def test_every_share_goes_in_one_lot_of_one_file(desk: Desk) -> None:
    ids = await sign(desk, *KINDS, *KINDS)
    built = await build(desk, max_invoices_per_lot=2, max_lots_per_file=2)
    found = await shares(desk)
    assert {state for _, *states in found for state in states} == {"lotted"}
    assert (built["invoices"], built["shares"]) == (len(ids), len(found))
    assert await column(desk, "SELECT count(*) FROM lot_share WHERE live GROUP BY invoice_id, part") == [1] * len(found)
    numbers = [lot["number"] for file in built["files"] for lot in file["lots"]]
    assert numbers == list(range(1, built["lots"] + 1))
    for file in built["files"]:
        assert examine(await content(desk, file["id"]))[1] == []
    told = await column(desk, "SELECT (detail->>'lot')::integer FROM event WHERE name = 'share.lotted'")
    assert sorted(told) == sorted(await column(desk, "SELECT number FROM lot JOIN lot_share ON lot_id = id"))
    assert sorted(await column(desk, "SELECT subject::text FROM event WHERE name = 'file.queued'")) == sorted(
        f["id"] for f in built["files"]
    )
    assert await desk.count("anomaly") == 0


@pytest.mark.usefixtures("blocks")
async def test_a_refused_lot_that_goes_in_several_files_is_replaced_once(desk: Desk) -> None:
    await sign(desk, *["01_ngap_visit"] * 4)
    await build(desk)
    async with rows(desk) as con:
        # As the payer's refusal leaves them.
        await con.execute("UPDATE file SET state = 'sent'")
        for state in ("sent", "refused"):
            await con.execute("UPDATE lot SET state = $1", state)
        for state in ("sent", "file_refused"):
            await con.execute("UPDATE share SET state = $1, transport = $1 WHERE flow > 0", state)
    built = await build(desk, max_invoices_per_lot=1, max_lots_per_file=1)
    assert (len(built["files"]), built["lots"], built["shares"]) == (4, 4, 4)
    assert sorted(await column(desk, "SELECT state FROM lot")) == ["replaced", *["sealed"] * 4]
    assert await column(desk, "SELECT count(*) FROM event WHERE name = 'lot.replaced'") == [1]
    assert await column(desk, "SELECT count(*) FROM lot_share WHERE live") == [4]
