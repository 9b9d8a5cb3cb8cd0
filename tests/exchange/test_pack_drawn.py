# SPDX-License-Identifier: Apache-2.0
"""Packs drawn at random: one that is loaded is one that every codec follows, to the byte and back."""

import json
import random
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.model import LayoutError
from tests.exchange.packs import ROOT, Rows, all_again, edit, new_pack, program

GOLDEN = ROOT / "tests/golden"
CASES = ("04_corsica", "12_maximum_widths", "18_ccam_detail", "19_prescriber_kinds")
FILES = GOLDEN / "files"
CLAIMS = ("2", "2S", "4", "4S", "4E", "4M", "5")
OTHERS = ("000", "999", "1", "6", "A1", "P1", "P9", "R1", "R2", "R3")


def change(rows: Rows, draw: random.Random) -> None:
    """Swap two zones, move one, widen one at the cost of a blank, change a constant, write one in a blank, or another zone once more."""
    what = draw.choice(("swap", "move", "move", "widen", "widen", "constant", "blank", "again"))
    blanks = [row for row in rows if row["kind"] == "filler"]
    first, second = draw.sample(range(1, len(rows)), 2)
    if what == "swap":
        rows[first], rows[second] = rows[second], rows[first]
    elif what == "move":
        rows.insert(second, rows.pop(first))
    elif what == "widen" and blanks:
        blank, row = draw.choice(blanks), rows[first]
        row["length"] = str(int(row["length"]) + 1)
        blank["length"] = str(int(blank["length"]) - 1)
    elif what == "constant" and rows[first]["kind"] == "const" and rows[first]["field"] != "complement":
        rows[first]["value"] = "".join(draw.choices("0123456789", k=int(rows[first]["length"])))
    elif what == "blank" and blanks:
        draw.choice(blanks).update(kind="const", value="X")
    elif what == "again" and rows[first]["kind"] in ("const", "filler") and rows[first]["length"] == rows[second]["length"]:
        rows[first].update({column: rows[second][column] for column in ("kind", "value")})
    rows[:] = [row for row in rows if row["length"] != "0"]
    start = 1
    for row in rows:
        row["start"] = str(start)
        start += int(row["length"])


def drawn_pack(folder: Path, tables: Sequence[str], seed: int) -> Path:
    """Make changes until some are such that the pack is loaded."""
    draw = random.Random(seed)
    for attempt in range(200):
        pack = new_pack(folder / str(attempt))
        for name in draw.sample(tables, 3):
            for _ in range(draw.randint(1, 3)):
                edit(pack / f"{name}.csv", lambda rows: change(rows, draw))
        try:
            load_pack(pack)
        except LayoutError:
            continue
        return pack
    raise AssertionError("no pack was sound")


def same(shown: "subprocess.CompletedProcess[bytes]", told: bytes) -> bool:
    assert (shown.returncode, shown.stderr) == (0, b"")
    return [json.loads(line) for line in shown.stdout.splitlines()] == [json.loads(line) for line in told.splitlines()]


def follow_claims(pack: Path) -> None:
    ends = (".ndjson", ".decoded.ndjson", ".b2")
    given, told, ours = (b"".join(GOLDEN.joinpath(case + end).read_bytes() for case in CASES) for end in ends)
    encoded = program("fse", "encode", "-", pack=pack, stdin=given)
    assert (encoded.returncode, encoded.stderr) == (0, b"")
    assert encoded.stdout == all_again(ours, pack)
    assert same(program("fse", "decode", "-", pack=pack, stdin=encoded.stdout), told)


def follow_files(pack: Path) -> None:
    out = pack.parent / "out"
    settings = FILES / "file2.settings.json"
    built = program("lots", "build", FILES / "file2.ndjson", "--settings", settings, "--out", out, pack=pack)
    assert (built.returncode, built.stderr) == (0, b"")
    [path] = out.glob("*.b2")
    assert path.read_bytes() == all_again((FILES / "file2.b2").read_bytes(), pack)
    assert same(program("fse", "decode", path, pack=pack), (FILES / "file2.decoded.ndjson").read_bytes())
    for answer in ("arl2_negative", "rsp2_mixed"):
        again = all_again((FILES / f"{answer}.b2").read_bytes(), pack)
        assert same(program("returns", "parse", "-", pack=pack, stdin=again), (FILES / f"{answer}.ndjson").read_bytes())


FOLLOW = [(CLAIMS, follow_claims), (OTHERS, follow_files)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("tables", "follow"), FOLLOW, ids=["claims", "files"])
def test_a_pack_that_is_loaded_is_followed(tmp_path: Path, tables: Sequence[str], follow: Callable[[Path], None], seed: int) -> None:
    follow(drawn_pack(tmp_path, tables, seed))


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(3, 153))
@pytest.mark.parametrize(("tables", "follow"), FOLLOW, ids=["claims", "files"])
def test_many_packs_that_are_loaded_are_followed(tmp_path: Path, tables: Sequence[str], follow: Callable[[Path], None], seed: int) -> None:
    follow(drawn_pack(tmp_path, tables, seed))
