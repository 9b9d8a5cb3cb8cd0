# SPDX-License-Identifier: Apache-2.0
"""Everything at once: what is measured goes to the pages, and becomes the baseline unless something has become slower."""

import sys
from pathlib import Path

import msgspec
import pytest

from loadtests import command, gate, pages, whole
from loadtests.capacity import model, show
from loadtests.judge import Row
from loadtests.record import Run

ROW = Row(id="G6", work="lots", peer="numpy", suite="lots", direction=">=", ratio=10.0, ratios=(9.9, 10.0, 10.1), race="arrange")
MACHINE = {"revision": "abc", "cpu": "one", "cores": 2, "quick": True}


@pytest.mark.parametrize(
    ("sound", "sized", "arguments", "kept", "status"),
    [
        (True, True, [], True, 0), (False, True, [], False, 1), (False, True, ["--keep"], True, 0), (True, False, ["--resume"], True, 1),
    ],
)  # fmt: skip
def test_a_run_is_kept_unless_something_is_slower(
    sound: bool, sized: bool, arguments: list[str], kept: bool, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[tuple[str, ...], dict[str, bool]]] = []
    shown: list[str] = []

    def measured(names: tuple[str, ...], **how: bool) -> bool:
        asked.append((names, how))
        (tmp_path / command.RECORD).write_bytes(msgspec.json.encode(Run(MACHINE, (ROW,))))
        return sound

    figures = msgspec.structs.replace(model.load(), rows=123.4)
    page = tmp_path / "capacity.md"
    page.write_text(f"before\n{pages.BEGIN}{pages.END}\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["whole", "--quick", *arguments])

    def measure() -> model.Figures:
        if not sized:
            raise ArithmeticError("not all were signed")
        return figures

    monkeypatch.setattr(whole, "measure", measure)
    monkeypatch.setattr(whole, "FIGURES", tmp_path / "figures.json")
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "run", measured)
    monkeypatch.setattr(pages, "main", shown.append)
    monkeypatch.setattr(show, "PAGE", page)
    monkeypatch.setattr(gate, "FOLDER", tmp_path / "baseline")
    monkeypatch.setattr(gate, "HISTORY", tmp_path / "history.ndjson")
    with pytest.raises(SystemExit) as ended:
        whole.main()
    assert ended.value.code == status
    [(names, how)] = asked
    assert len(names) == 11 and shown == [str(tmp_path / "run.json")]
    assert how == {"quick": True, "as_json": False, "hold": True, "resume": "--resume" in arguments}
    assert (tmp_path / "figures.json").exists() == ("Measured on" in page.read_text(encoding="utf-8")) == sized
    assert not sized or model.load(tmp_path / "figures.json") == figures
    assert gate.path_of(quick=True).exists() == kept == (tmp_path / "history.ndjson").exists()
