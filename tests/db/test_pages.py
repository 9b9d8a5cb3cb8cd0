# SPDX-License-Identifier: Apache-2.0
"""The reference pages name every table, every column that may change, and every check."""

import re
from typing import Final

from desmos_fast.db.migrate import MIGRATIONS
from desmos_fast.invariants.store import SQL
from tests.db.places import ROOT
from tests.db.test_migrations import SCHEMA

DATABASE: Final = (ROOT / "docs/reference/database.md").read_text(encoding="utf-8")
INVARIANTS: Final = (ROOT / "docs/reference/invariants.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| `(\w+)` \| .* \| (.*) \|$", re.MULTILINE)


def test_the_page_names_every_table_and_what_may_change_in_it() -> None:
    schema = SCHEMA.read_text(encoding="utf-8")
    tables = {name for name in re.findall(r"CREATE TABLE public\.(\w+) \(", schema) if not name.endswith("_0")}
    changed: dict[str, set[str]] = {name: set() for name in tables}
    for column, table in re.findall(r"GRANT (?:\w+\(\w+\),)*UPDATE\((\w+)\) ON TABLE public\.(\w+) TO desmos_app", schema):
        changed[table].add(column)
    assert {table: set(re.findall(r"`(\w+)`", columns)) for table, columns in ROW.findall(DATABASE) if table in tables} == changed


def test_the_page_tells_every_move() -> None:
    moves = re.findall(r"\('(\w+)', '(\w+)', '(\w+)'\)", (MIGRATIONS / "0003_pre_moves.sql").read_text(encoding="utf-8"))
    assert len(moves) > 10
    for thing, before, after in moves:
        (told,) = re.findall(rf"^\| {thing} \| (.*) \|$", DATABASE, re.MULTILINE)
        assert any(after in part.split(" → ")[1].split(", ") for part in told.split(" · ") if part.split(" → ")[0] == before), (
            before,
            after,
        )


def test_the_page_names_every_check() -> None:
    sections = dict(re.findall(r"^\| (I\d+) \|(.*?)(?=^\| I\d|\n\n)", INVARIANTS, re.MULTILINE | re.DOTALL))
    assert len(sections) == 12
    for path in SQL.glob("*.sql"):
        invariant, _, name = path.stem.partition("_")
        if name != "sleepers":  # asked once for each role, under the role's name
            assert f"`{name}`" in sections[invariant.upper()], path.name
