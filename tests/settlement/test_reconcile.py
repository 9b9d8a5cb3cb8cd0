# SPDX-License-Identifier: Apache-2.0
import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from desmos_fast.cli import app
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.settlement.bank import read_statement
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.codec import read_items, write_matches, write_summary
from desmos_fast.settlement.model import Invoice, Order, Payer, Settings
from desmos_fast.settlement.reconcile import reconcile
from desmos_fast.simulator import bank as simulated
from desmos_fast.simulator.model import Credit
from desmos_fast.simulator.model import Payer as Paying
from tests.settlement.worlds import AMC, AMO, NIR, OPERATOR, PAID_ON, PAYERS, credit, invoice, line, of, order, run

RUNNER = CliRunner()
PERSONS = [NIR, "285079999900110"]


def output(invoices: list[Invoice], orders: list[Order], bank: list[BankLine], payers: list[Payer]) -> bytes:
    result = reconcile(invoices, orders, bank, payers, Settings())
    return write_matches(result.matches) + write_summary(result)


class World:
    """A small world with few distinct amounts, dates and references, so that everything collides."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.invoices = [self.one_invoice(chance, rank, number) for rank, number in enumerate(chance.choices(range(1, 7), k=6))]
        self.orders = [self.one_order(chance, name) for name in range(chance.randint(0, 6))]
        self.bank = [self.one_credit(chance, number) for number in range(chance.randint(0, 8))]

    def one_invoice(self, chance: random.Random, rank: int, number: int) -> Invoice:
        changes: dict[str, Any] = {"insured_nir": chance.choice(PERSONS), "care_date": chance.choice(["2026-09-14", "2026-09-15"])}
        replaced = chance.choice([None, None, None, f"{rank - 1}/{number}"])
        return invoice(number, id=f"{rank}/{number}", supersedes=replaced, **changes)

    def one_order(self, chance: random.Random, name: int) -> Order:
        lines = []
        for number in range(chance.randint(1, 3)):
            part, payer, lot = chance.choice([("amo", AMO, "012"), ("amc", AMC, "013")])
            amount = chance.choice([900, 2100, 2100, 0, -2100])
            status = "recovery" if amount < 0 else "paid" if amount else "rejected"
            keys: dict[str, Any] = {"part": part, "lot": chance.choice([lot, None]), "nir": chance.choice([*PERSONS, None])}
            if amount < 0 and chance.random() < 0.5:
                keys = dict.fromkeys(("biller", "part", "lot", "nir", "care_date"))
            keys["invoice_number"] = chance.choice([*range(1, 8), None])
            lines.append(line(number, payer=payer, amount=amount, status=status, **keys))
        payer, emitter = chance.choice([(AMO, AMO), (AMC, OPERATOR), (AMC, AMC)])
        paid_on = (PAID_ON + timedelta(days=chance.randint(0, 2))).isoformat()
        reference = chance.choice(["11111", "22222", "33333"])
        return order(f"o:{name}", *lines, payer=payer, emitter=emitter, payment_date=paid_on, payment_ref=reference)

    def one_credit(self, chance: random.Random, number: int) -> BankLine:
        amounts = [int(item.total) for item in self.orders] or [2100]
        changes: dict[str, Any] = {
            "references": chance.sample(["11111", "22222", "33333"], k=chance.choice([0, 0, 1, 2])),
            "payer_name": chance.choice(["CPAM DE ALBEVILLE", "MUTUELLE GENERALE DU SUD", "TIERSPAY SERVICES", None]),
            "days": chance.choice([0, 1, 9]),
            "file": chance.choice("ab"),
            "status": chance.choice(["booked"] * 9 + ["pending"]),
        }
        return credit(number, chance.choice([*amounts, sum(amounts)]), **changes)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_any_order_of_the_inputs_gives_the_same_bytes(seed: int, chance: random.Random) -> None:
    world = World(seed)
    expected = output(world.invoices, world.orders, world.bank, PAYERS)

    def shuffled(items: list[Any]) -> list[Any]:
        # Some given twice: equal content counts once.
        return chance.sample(items + items[:2], k=len(items) + len(items[:2]))

    orders = [msgspec.structs.replace(item, lines=tuple(shuffled(list(item.lines)))) for item in shuffled(world.orders)]
    assert output(shuffled(world.invoices), orders, shuffled(world.bank), shuffled(PAYERS)) == expected


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_no_order_is_used_twice_and_every_confirmed_sum_is_exact(seed: int) -> None:
    world = World(seed)
    result = run(world.invoices, world.orders, world.bank)
    totals = {item.id: item.total for item in world.orders}
    used: list[str] = []
    for match in result.matches:
        if match.problem == "B" and match.status == "confirmed":
            assert sum(totals[name] for name in match.right) == match.amount
            used += match.right
        elif match.status not in ("confirmed", "suggested"):
            assert match.right == ()
    assert len(used) == len(set(used))
    announced = sum(totals.values())
    assert sum(payer.announced for payer in result.summary.payers.values()) == announced
    assert sum(payer.received for payer in result.summary.payers.values()) == sum(totals[name] for name in used)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_what_a_part_takes_in_never_exceeds_what_is_open(seed: int) -> None:
    world = World(seed)
    result = run(world.invoices, world.orders)
    opens = {f"{item.id}/{part.part}": part.open for item in world.invoices for part in item.parts}
    applied: dict[str, int] = {}
    for match in result.matches:
        if match.status == "confirmed":
            applied[match.right[0]] = applied.get(match.right[0], 0) + match.amount - match.residual
    assert all(amount <= opens[name] for name, amount in applied.items())


def test_the_summary_counts_and_tells_what_was_announced_and_not_received() -> None:
    orders = [order("o:1"), order("o:2", line(amount=900, part="amc", payer=AMC, lot="013"), payer=AMC, payment_ref="9")]
    summary = run([invoice()], orders, [credit(1), credit(2, amount=77), credit(1, file="again")]).summary
    assert (summary.problems["A"].all.count, summary.problems["A"].status["confirmed"].cents) == (2, 3000)
    assert {rule: tally.count for rule, tally in summary.problems["B"].rule.items()} == {"B0": 1, "B2": 1, "B9": 1}
    assert (summary.payers[AMO].received, summary.payers[AMC].announced_not_received) == (2100, 900)
    assert (summary.unmatched_credits.cents, summary.duplicates.count) == (77, 1)
    assert summary.conservation["B"].left == 2100
    assert set(summary.inputs) == {"invoices", "orders", "bank", "payers"}


def test_money_without_an_invoice_has_any_sign() -> None:
    other = {"part": None, "biller": None, "invoice_number": None, "lot": None, "nir": None, "care_date": None}
    amounts = [("paid", -500), ("recovery", 300), ("recovery", -700), ("paid", 0)]
    lines = [line(number, status=status, amount=amount, **other) for number, (status, amount) in enumerate(amounts, 1)]
    found = {match.left[0]: match for match in of(run([invoice()], [order("o:1", line(5), *lines)]), "A")}
    assert {name: (match.status, match.rule, match.amount) for name, match in found.items() if name != "o:1#5"} == {
        f"o:1#{number}": ("parked", "A5", amount) if status == "recovery" else ("unmatched", "A9", amount)
        for number, (status, amount) in enumerate(amounts, 1)
    }
    assert [found[f"o:1#{number}"].evidence.why for number in (1, 2, 3, 4)] == [
        "other_money", "recovery_without_part", "recovery_without_part", "other_money",
    ]  # fmt: skip
    assert found["o:1#5"].rule == "A1"


FAULTY: list[tuple[str, Callable[[], object]]] = [
    ("RECON_ID_CONFLICT", lambda: run([invoice(), invoice(total=1)])),
    ("RECON_ID_CONFLICT", lambda: run([], [order(), order(payment_ref="1")])),
    ("RECON_ID_CONFLICT", lambda: run([], [order("o:1", line(), line(amount=1))])),
    ("RECON_ID_CONFLICT", lambda: run([], [], [credit(), credit(amount=1)])),
    ("RECON_ID_CONFLICT", lambda: run(payers=[*PAYERS, Payer(id=AMO, kind="amo")])),
    ("RECON_TOTAL", lambda: run([], [order(total=1)])),
    ("RECON_AMOUNT", lambda: run([], [order(kind="recovery")])),
    ("RECON_AMOUNT", lambda: run([], [order("o:1", line(amount=-1))])),
    ("RECON_AMOUNT", lambda: run([], [order("o:1", line(status="recovery"))])),
    ("RECON_AMOUNT", lambda: run([], [order("o:1", line(status="rejected"))])),
    ("RECON_AMOUNT", lambda: run([], [order("o:1", line(status="rejected", part=None))])),
    ("RECON_AMOUNT", lambda: run([invoice(parts=[{"part": "amo", "payer": AMO, "amount": 5, "open": 6}])])),
    ("RECON_KEY", lambda: run([invoice(parts=[{"part": "amo", "payer": AMO, "amount": amount, "open": 0} for amount in (1, 2)])])),
]


@pytest.mark.parametrize(("code", "work"), FAULTY)
def test_inputs_that_contradict_themselves_are_refused(code: str, work: Callable[[], object]) -> None:
    with pytest.raises(FaultyInput) as caught:
        work()
    assert code in {fault.code for fault in caught.value.faults}


# --- the command


def write(folder: Path, **items: list[Any]) -> list[str]:
    arguments = []
    for name, values in items.items():
        (folder / name).write_bytes(msgspec.json.Encoder().encode_lines(values))
        arguments += [f"--{name}", str(folder / name)]
    return arguments


def test_the_command_writes_both_files_and_the_same_bytes_for_another_order(tmp_path: Path) -> None:
    world = World(5)
    contents = []
    for rank in (1, -1):
        inputs: dict[str, list[Any]] = {
            "invoices": world.invoices[::rank],
            "orders": world.orders[::rank],
            "bank": world.bank[::rank],
            "payers": PAYERS[::rank],
        }
        out = tmp_path / f"out{rank}" / "deep"
        result = RUNNER.invoke(app, ["reconcile", *write(tmp_path, **inputs), "--out", str(out), "--json"])
        assert result.exit_code == 0, result.output
        summary = (out / "summary.json").read_bytes()
        assert json.loads(result.stdout) == json.loads(summary)
        contents.append((out / "matches.ndjson").read_bytes() + summary)
        assert sorted(path.name for path in out.iterdir()) == ["matches.ndjson", "summary.json"]
    assert contents[0] == contents[1]
    assert contents[0] == output(world.invoices, world.orders, world.bank, PAYERS)


def test_settings_are_read_and_shown_and_unknown_keys_refused(tmp_path: Path) -> None:
    arguments = write(tmp_path, invoices=[], orders=[order()], bank=[credit(days=20)], payers=PAYERS)
    (tmp_path / "settings").write_text('{"window_to": 20}')
    command = ["reconcile", *arguments, "--settings", str(tmp_path / "settings"), "--out", str(tmp_path / "out")]
    assert RUNNER.invoke(app, command).exit_code == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert summary["settings"] == {
        "window_from": -2, "window_to": 20, "recovery_days": 120, "confirm_unique_sum": False, "learned": [], "per_payer": {},
    }  # fmt: skip
    assert summary["problems"]["B"]["status"]["confirmed"] == {"count": 1, "cents": 2100}
    twice = [{"account": "1 2", "label": "VIR A", "payer": AMO}, {"account": "12", "label": "vir a", "payer": AMC}]
    for wrong in ('{"window": 1}', '{"window_to": -5}', "[]", "{", json.dumps({"learned": twice})):
        (tmp_path / "settings").write_text(wrong)
        refused = RUNNER.invoke(app, command)
        assert refused.exit_code == 1
        assert json.loads(refused.stderr.splitlines()[0])["code"] == "RECON_BAD_SETTINGS"
    (tmp_path / "settings").write_text(json.dumps({"learned": twice[:1] * 2}))
    assert RUNNER.invoke(app, command).exit_code == 0


def test_a_faulty_line_is_told_with_its_number_and_nothing_is_written(tmp_path: Path) -> None:
    arguments = write(tmp_path, invoices=[invoice()], orders=[order()], bank=[credit()])
    text = (tmp_path / "orders").read_text()
    nir = "185079999900153"
    (tmp_path / "orders").write_text(text + text.replace('"kind":', f'"{nir}":1,"kind":') + text.replace("2100", "21.5"))
    result = RUNNER.invoke(app, ["reconcile", *arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    faults = [json.loads(row) for row in result.stderr.splitlines()]
    assert [(fault["code"], fault["field"], fault["line"]) for fault in faults] == [
        ("RECON_BAD_LINE", "orders", 2),
        ("RECON_BAD_LINE", "orders", 3),
    ]
    assert nir not in result.stderr
    assert not (tmp_path / "out").exists()


def test_matches_do_not_stand_without_their_summary(tmp_path: Path) -> None:
    arguments = write(tmp_path, invoices=[invoice()], orders=[order()], bank=[credit()])
    out = tmp_path / "out"
    (out / "summary.json").mkdir(parents=True)
    assert RUNNER.invoke(app, ["reconcile", *arguments, "--out", str(out)]).exit_code == 2
    assert [path.name for path in out.iterdir()] == ["summary.json"]


def test_a_missing_input_or_two_standard_inputs_are_wrong_usage(tmp_path: Path) -> None:
    arguments = write(tmp_path, invoices=[], orders=[])
    for bank in (str(tmp_path / "none"), "-"):
        orders = arguments if bank != "-" else [*arguments[:2], "--orders", "-"]
        assert RUNNER.invoke(app, ["reconcile", *orders, "--bank", bank, "--out", str(tmp_path / "out")]).exit_code == 2


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(["{}", "[]", "1", "", "é", '{"id":', "\ud800"])).map("\n".join)))
def test_random_inputs_are_refused_with_a_code(data: bytes | str) -> None:
    content = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    try:
        assert read_items(content, Order, "orders") == []
    except FaultyInput as caught:
        assert {fault.code for fault in caught.faults} == {"RECON_BAD_LINE"}
    else:
        assert not content.strip()


def test_a_simulated_statement_is_read_without_a_warning() -> None:
    account = simulated.account_of(7, "750000010")
    credits = [
        Credit(Paying("amo:01751"), "CPAM DE ALBEVILLE", 2100, "2026-10-03", ("o:1",), ("262750001234",)),
        Credit(Paying("amc:0099000013"), "MUTUELLE GENERALE DU SUD OUEST", 900, "2026-10-04", ("o:2", "o:3"), ("11111", "22222")),
    ]
    written = simulated.statement(account, simulated.opening_of(7, "750000010"), "2026-10-01", credits)
    read = read_statement(written.data)
    assert read.warnings == ()
    assert [(item.source.line, item.amount) for item in read.lines] == list(zip(written.lines, (2100, 900), strict=True))
    assert read.blocks[0].closing == written.closing
    orders = [order("o:1"), order("o:2", line(amount=400), payment_ref="11111"), order("o:3", line(amount=500), payment_ref="22222")]
    assert [match.right for match in run([], orders, list(read.lines)).matches if match.rule == "B1"] == [("o:1",), ("o:2", "o:3")]
