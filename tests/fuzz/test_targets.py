# SPDX-License-Identifier: Apache-2.0
"""The targets of the fuzzer, without the fuzzer: every golden file, every input that ever failed, and a few thousand changed ones."""

import os
import signal
from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from desmos_fast.billing.codec import Encoded, encode, encode_columns, read_ndjson
from desmos_fast.billing.columns import ColumnError
from desmos_fast.exchange.codec import check
from desmos_fast.exchange.faults import Fault
from ext.posts import Posts
from tests.fuzz import settling, shrink, tables, targets
from tests.fuzz.replay import changed, replay
from tests.fuzz.targets import CRASHERS, TARGETS
from tests.oracle import settle

RUNS: Final = 2000
TWIN_EACH: Final = 8
NIR: Final = "255081416802538"


@pytest.mark.parametrize("name", TARGETS)
def test_kept_and_changed_inputs_pass(name: str) -> None:
    assert replay(name, RUNS, TWIN_EACH) >= len(TARGETS[name].seeds) + RUNS


def test_an_input_that_once_failed_is_of_a_target() -> None:
    assert {path.name for path in CRASHERS.iterdir() if path.is_dir()} <= set(TARGETS)


def test_an_input_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "check", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError) as failed:
        replay("arl", 0)
    assert failed.value.__notes__ == [f"the input: {TARGETS['arl'].seeds[0]!r}"]


def test_what_fails_is_made_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def brittle(data: bytes, twin: bool) -> None:
        assert twin
        if b"A1" in data and b"Z" in data:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setitem(targets.TARGETS, "arl", TARGETS["arl"]._replace(run=brittle))
    path = tmp_path / "found"
    path.write_bytes(b"000\nA1 7500\n999 Z 1\n")
    shrink.main("arl", str(path))
    assert path.read_bytes() == b"A1Z"
    path.write_bytes(b"A1")
    with pytest.raises(SystemExit, match="does not make arl fail"):
        shrink.main("arl", str(path))
    assert path.read_bytes() == b"A1"


@pytest.mark.parametrize("name", ["claims", "arl", "rsp"])
def test_changed_records_are_taken_and_refused(name: str) -> None:
    """A change that no reader takes, or that all stop at, would prove little."""
    codes = Counter(fault.code for data in changed(name, RUNS) for fault in check(data)[:1] or [Fault(code="")])
    assert codes[""] > RUNS // 20 and len(codes) > 10


def test_changed_lines_are_taken_and_refused() -> None:
    read = [read_ndjson(data) for data in changed("invoices", RUNS)]
    assert sum(1 for taken, _, _ in read if taken) > RUNS // 5
    assert {fault.code for _, _, faults in read for fault in faults} == {"B2_BAD_JSON", "B2_BAD_VALUE", "B2_MISSING", "B2_UNKNOWN_KEY"}


def test_changed_columns_are_taken_and_refused() -> None:
    found: Counter[str] = Counter()
    for data in changed("columns", RUNS):
        table = {path: tables.array(column) for path, column in tables.read(data).items()}
        try:
            found.update({fault.code for fault in encode_columns(table).faults} or {"sound"})
        except ColumnError:
            found["refused"] += 1
    assert min(found["sound"], found["refused"]) > RUNS // 10 and len(found) > 10, found


def test_changed_streams_are_settled_and_refused() -> None:
    found: Counter[str] = Counter()
    for data in changed("settle", RUNS):
        at = max(data.rfind(settling.SIGNATURE), 0)
        settled = settling.settled(data[:at], data[at:], len(data) + 1)
        found[settled if isinstance(settled, str) else "some" if settled.settled else "none"] += 1
    assert min(found["some"], found["none"]) > RUNS // 10 and len(found) > 4, found


class Lying(Posts):
    """What follows from a settlement, one of its streams ending in another byte or a match in another cent."""

    lie = ""

    def matches(self, most: int) -> Any:
        count, *columns = super().matches(most)
        if self.lie == "a cent" and count:
            columns[7] = columns[7][:-1] + str((int(columns[7][-1]) + 1) % 10)
        return (count, *columns)

    def ledger_entries(self) -> bytes:
        given = super().ledger_entries()
        return given.replace(b"line.overpaid", b"line.overpaie") if self.lie == "an event" else given

    def ledger_lines(self) -> bytes:
        given = super().ledger_lines()
        return given.replace(b"attente:", b"avance::") if self.lie == "an account" else given

    def events(self) -> bytes:
        given = super().events()
        return given.replace(b"match.confirmed", b"match.confirmee") if self.lie == "a name" else given


@pytest.mark.parametrize("lie", ["a cent", "an event", "an account", "a name"])
def test_a_settlement_that_lies_is_caught(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    monkeypatch.setattr(Lying, "lie", lie)
    monkeypatch.setattr(settling, "Posts", Lying)
    with pytest.raises(AssertionError):
        for data in TARGETS["settle"].seeds:
            TARGETS["settle"].run(data, False)


def test_a_settlement_of_something_else_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "settled", lying(lambda found: found[1:])(settle.settled))
    with pytest.raises(AssertionError, match="the twin settles something else"):
        for data in TARGETS["settle"].seeds:
            TARGETS["settle"].run(data, True)


def lying(answer: Callable[[Any], Any]) -> Callable[..., Any]:
    """Make a function whose answer is changed."""
    return lambda real: lambda *given, **named: answer(real(*given, **named))


LIES: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "no fault is told": ("check", lying(lambda _: [])),
    "a fault has a code of no list": ("check", lying(lambda faults: [Fault(code="B2_ODD", message="odd")] + faults[1:])),
    "a fault shows a NIR": ("check", lying(lambda faults: [Fault(code="B2_BAD_VALUE", message="odd", value=f"NIR {NIR}")] + faults[1:])),
    "a sound file is refused": ("check", lying(lambda faults: faults or [Fault(code="B2_BAD_ORDER", message="odd", record=1)])),
}


LOSSES: Final[dict[str, Callable[[Encoded[bytes]], Encoded[bytes]]]] = {
    "a byte is lost": lambda written: replace(written, data=written.data[:-1]),
    "a fault is lost": lambda written: replace(written, faults=written.faults[1:]),
    "a digit is changed": lambda written: replace(written, data=bytes(written.data).replace(b"3000", b"3001")),
    "a fault shows a NIR": lambda written: replace(written, faults=[replace(fault, value=NIR) for fault in written.faults]),
    "a sum is of another invoice": lambda written: replace(written, fees=array("q", reversed(written.fees))),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("name", "encoder"), [("invoices", "encode"), ("columns", "encode_columns")])
def test_an_encoder_that_lies_is_caught(monkeypatch: pytest.MonkeyPatch, name: str, encoder: str, loss: str) -> None:
    monkeypatch.setattr(targets, encoder, lying(LOSSES[loss])(getattr(targets, encoder)))
    with pytest.raises(AssertionError):
        for data in [*TARGETS[name].seeds, *changed(name, 20)]:
            TARGETS[name].run(data, True)


@pytest.mark.parametrize(("refused", "said"), [(True, "could be read"), (False, "that no invoice has")])
def test_a_wrong_refusal_of_columns_is_caught(monkeypatch: pytest.MonkeyPatch, refused: bool, said: str) -> None:
    def answer(*_: object, **__: object) -> Encoded[bytes]:
        if refused:
            raise ColumnError("no columns")
        return encode([])

    monkeypatch.setattr(targets, "encode_columns", answer)
    with pytest.raises(AssertionError, match=said):
        TARGETS["columns"].run(TARGETS["columns"].seeds[0] if refused else b"acts:q", False)


@pytest.mark.parametrize("name", ["claims", "arl", "rsp"])
@pytest.mark.parametrize("lie", LIES)
def test_a_reader_that_lies_is_caught(monkeypatch: pytest.MonkeyPatch, name: str, lie: str) -> None:
    where, change = LIES[lie]
    monkeypatch.setattr(targets, where, change(getattr(targets, where)))
    with pytest.raises(AssertionError):
        for data in [*TARGETS[name].seeds, *changed(name, 20)]:
            TARGETS[name].run(data, True)
