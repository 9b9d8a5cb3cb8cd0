# SPDX-License-Identifier: Apache-2.0
"""What a runbook says to type at night is a whole command: nothing is missing once its words in capitals are filled in."""

import re
import shlex
from typing import Any, Final

import pytest
import typer

from desmos_fast.cli import app
from tests.test_docs import commands

# The library has its own copy of what it is built on.
UsageError: Final = typer.BadParameter.__mro__[1]
# What stands for something in a page, and something of its kind.
FILLED: Final = {
    "ID": "01a21520-fdb9-7fc8-88f9-451f989bc3fe", "FINESS": "750000010", "FILE": __file__, "NEW": "/tmp/new", "NAME": "20261126T025516Z",
    "URL": "http://127.0.0.1:8080", "INSTANT": "2026-11-25T08:00:00", "FOLDER": "/tmp",
}  # fmt: skip
PAGES: Final = ("docs/runbooks/", "docs/operations.md")
LINES: Final = sorted({line for page, line in commands() if page.startswith(PAGES)})


def parse(line: str) -> None:
    """Read a command line as the program does, and run nothing. Raises UsageError, and KeyError for a word that stands for nothing."""
    words = [FILLED[word] if re.fullmatch("[A-Z]{2,}", word) else word for word in shlex.split(line)[1:]]
    command: Any = typer.main.get_command(app)
    context: Any = typer.Context(command)
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(name, words, parent=context)


@pytest.mark.parametrize("line", LINES)
def test_what_a_runbook_says_to_type_is_whole(line: str) -> None:
    parse(line)


def test_what_is_missing_is_seen() -> None:
    assert len(LINES) > 20
    for line in ("desmos-fast webhooks replay ID --from INSTANT", "desmos-fast contacts test ID", "desmos-fast incident restore one"):
        with pytest.raises(UsageError):
            parse(line)
