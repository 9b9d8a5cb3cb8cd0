# SPDX-License-Identifier: Apache-2.0
"""The page on CSV shows what the program does."""

import re
from pathlib import Path

from typer.testing import CliRunner

from desmos_fast.cli import app

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "bank-csv.md"


def test_the_example_is_read_as_the_page_shows(tmp_path: Path) -> None:
    blocks = re.findall(r"```(csv|toml|)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (_, rows), (_, mapping), (_, shown) = blocks
    (tmp_path / "releve.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "ma-banque.toml").write_text(mapping, encoding="utf-8")
    run = CliRunner().invoke(
        app, ["bank", "mapping", "check", str(tmp_path / "releve.csv"), "--mapping", str(tmp_path / "ma-banque.toml")]
    )
    assert (run.exit_code, run.stdout) == (0, shown.partition("\n")[2])
