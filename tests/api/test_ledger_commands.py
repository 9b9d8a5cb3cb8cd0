# SPDX-License-Identifier: Apache-2.0
"""The books and the desk of a centre on the command line."""

from pathlib import Path

from tests.api.conftest import Desk
from tests.api.money import balances, owed
from tests.api.post import rows
from tests.api.test_centre_commands import home, run, told

__all__ = ("home",)


async def test_a_payment_is_taken_and_listed(desk: Desk, home: Path) -> None:
    first, second = await owed(desk, 900), await owed(desk, 500)
    status, out, errors = await run(
        desk, home, "payments", "add", "--means", "cheque", "--amount", "1500", "--invoice", f"{first}=1000", "--invoice", f"{second}=400",
        "--reference", "7654321",
    )  # fmt: skip
    assert (status, errors) == (0, "")
    head, *shares = out.splitlines()
    assert "cheque" in head and "15.00 EUR" in head and "1 2  1.00 EUR waits" in head
    assert shares == [
        "  invoice 1: refund_due, 0.00 EUR open, 1.00 EUR to give back", "  invoice 2: part_paid, 1.00 EUR open, 0.00 EUR to give back"
    ]  # fmt: skip
    made = (await told(desk, home, "payments", "add", "--means", "cash", "--amount", "70", "--deposit", "DEVIS-1=900", "--json"))["id"]
    listed = (await told(desk, home, "payments", "list", "--json"))["payments"]
    assert [(one["id"] == made, one["amount"], one["deposit"]) for one in listed] == [
        (True, 70, {"plan": "DEVIS-1", "total": 900}), (False, 1500, None)
    ]  # fmt: skip
    assert len((await run(desk, home, "payments", "list", "--means", "cash"))[1].splitlines()) == 1
    assert (await run(desk, home, "payments", "list", "--kind", "refund"))[:2] == (0, "")
    assert (await balances(desk))["caisse:cheque"] == 1500
    async with rows(desk) as con:
        assert {row["decided_by"] for row in await con.fetch("SELECT decided_by FROM decision")} == {"operator"}


async def test_a_payment_that_cannot_be_says_why(desk: Desk, home: Path) -> None:
    invoice = await owed(desk, 900)
    status, _, errors = await run(desk, home, "payments", "add", "--means", "cash", "--amount", "5", "--invoice", f"{invoice}=6")
    assert status == 1 and "the parts are more than the payment" in errors
    status, _, errors = await run(desk, home, "payments", "add", "--means", "cash", "--amount", "5", "--invoice", invoice)
    assert status == 2 and "--invoice" in errors
    status, _, errors = await run(desk, home, "payments", "add", "--means", "cash", "--amount", "5", "--deposit", "D=5")
    assert status == 3 and "before the care is given" in errors
    assert await desk.count("payment") == 0


async def test_the_books_are_verified_and_balanced(desk: Desk, home: Path) -> None:
    await owed(desk, 900)
    await owed(desk, 500)
    status, out, errors = await run(desk, home, "ledger", "verify")
    assert (status, errors) == (0, "") and out.startswith("the chain holds: 2 entries looked at; the ledger ends at 2:")
    noted = out.split()[-1]
    found = await told(desk, home, "ledger", "verify", "--from", "2", "--to", "2", "--head", noted, "--json")
    assert (found["holds"], found["entries"], found["broken"]) == (True, 1, 0)
    status, out, _ = await run(desk, home, "ledger", "verify", "--head", f"1:{noted.partition(':')[2]}")
    assert status == 1 and "THE CHAIN IS BROKEN in 1 places, first at entry 1: other_anchor" in out
    assert (await run(desk, home, "ledger", "verify", "--head", "x"))[0] == 2
    shown = await told(desk, home, "ledger", "balance", "--by", "payer", "--json")
    assert shown["totals"] == {"debit": 5600, "credit": 5600, "balance": 0}
    status, out, _ = await run(desk, home, "ledger", "balance", "--by", "payer", "--to", "2025-07-01")
    assert status == 0 and [line.split() for line in out.splitlines()] == [
        ["amo:01750", "creance", "42.00", "0.00", "42.00"], ["amo:01750", "produit", "0.00", "42.00", "-42.00"],
        ["patient", "creance", "14.00", "0.00", "14.00"], ["patient", "produit", "0.00", "14.00", "-14.00"],
        ["total", "56.00", "56.00", "0.00"],
    ]  # fmt: skip


async def test_a_changed_entry_is_named_and_the_command_fails(desk: Desk, home: Path) -> None:
    for amount in (900, 500, 700):
        await owed(desk, amount)
    async with rows(desk) as con:
        await con.execute("ALTER TABLE ONLY ledger_entry DISABLE TRIGGER for_ever")
        assert await con.execute("UPDATE ledger_entry SET ref = 'x' WHERE seq = 2") == "UPDATE 1"
        await con.execute("ALTER TABLE ONLY ledger_entry ENABLE TRIGGER for_ever")
    status, out, _ = await run(desk, home, "ledger", "verify")
    assert status == 1
    assert out.startswith("THE CHAIN IS BROKEN in 1 places, first at entry 2: changed (invoice.signed x)\n3 entries looked at")
