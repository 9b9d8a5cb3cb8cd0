# SPDX-License-Identifier: Apache-2.0
"""What the pages say is there: links, anchors, commands and their options, settings, error codes, make targets."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
import typer
from typer.core import TyperGroup

from desmos_fast.base import settings
from desmos_fast.billing.model import Invoice
from desmos_fast.cli import app
from desmos_fast.lots.codec import build_all
from desmos_fast.lots.model import LotSettings

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMMAND: Final = re.compile(r"(?m)^\s*(?:\$ )?(?:\.venv/bin/)?(desmos-fast [^\n`|]*)$|`(?:\.venv/bin/)?(desmos-fast [^`]*)`")
PAGE_IN_CODE: Final = re.compile(r"\bdocs/[\w./-]+\.md\b")
TARGET: Final = re.compile(r"(?m)^make ([a-z]+)|`make ([a-z]+)`")


def name(path: Path) -> str:
    """Return the path below the root."""
    return path.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, made from its headings as a forge makes them."""
    titles = re.findall(r"(?m)^#+ +(.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT) and target.exists(), f"{name(page)}: {link}"
        assert not anchor or anchor in anchors(target), f"{name(page)}: {link}"


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text(encoding="utf-8"))}
    assert set((ROOT / "docs").rglob("*.md")) - {index} <= linked


def test_pages_that_sources_name_are_there() -> None:
    rooms = ("desmos_fast", "api", "readers", "monitoring", "ext", "loadtests", "tests")
    for room in rooms:
        for path in (ROOT / room).rglob("*"):
            if path.suffix in (".py", ".pyx", ".pxd", ".pyi", ".sql"):
                for page in PAGE_IN_CODE.findall(path.read_text(encoding="utf-8")):
                    assert (ROOT / page).exists(), f"{name(path)}: {page}"


def commands() -> Iterator[tuple[str, str]]:
    """Give every command of the program that a page shows."""
    for page in PAGES:
        for alone, inline in COMMAND.findall(page.read_text(encoding="utf-8")):
            yield name(page), (alone or inline).partition(" #")[0].rstrip(" \\&")


def test_what_a_page_calls_it_says() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert "$(uuid)" not in text or "uuid() {" in text, name(page)


def test_a_centre_has_one_name_on_all_pages() -> None:
    """Who goes from page to page registers it again: under another name that is refused."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"centre add (\d{9}) --name (\".*?\")", text))
    assert named and len(named) == len({finess for finess, _ in named})


def test_the_file_of_the_page_is_as_long_as_that_of_its_invoice() -> None:
    reference = ROOT / "docs" / "reference"
    (shown,) = re.findall(r"(?s)> invoice\.json <<'END'\n(.*?)END", (reference / "api-invoices.md").read_text(encoding="utf-8"))
    invoice = msgspec.convert(json.loads(shown) | {"number": 1}, Invoice)
    (built,) = build_all([invoice], LotSettings(date="2026-11-26"))
    sizes = re.findall(r'"size":(\d+)', (reference / "api-lots-returns.md").read_text(encoding="utf-8"))
    assert set(sizes) == {str(len(built.content))}


def leaves() -> dict[str, set[str]]:
    """Give the full name of each command and its options."""
    found: dict[str, set[str]] = {}
    waiting = [("desmos-fast", typer.main.get_command(app))]
    for words, command in waiting:
        if isinstance(command, TyperGroup):
            waiting += [(f"{words} {below}", inner) for below, inner in command.commands.items()]
        else:
            found[words] = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    return found


LEAVES: Final = leaves()


def check(line: str) -> None:
    """Raise AssertionError for a command line whose command or options do not exist."""
    words = shlex.split(re.split(r"\s(?:[12]?>|<|\|)", line)[0])
    if words[1:] == ["COMMAND", "--help"]:
        return
    options = next((LEAVES[full] for size in (2, 3, 4) if (full := " ".join(words[:size])) in LEAVES), None)
    assert options is not None, "no such command"
    unknown = [word for word in words if word.startswith("-") and word != "-" and word.partition("=")[0] not in options]
    assert not unknown, f"no option {unknown}"


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_commands_exist(page: str, line: str) -> None:
    check(line)


@pytest.mark.parametrize("line", ["desmos-fast fse embroider", "desmos-fast fse encode IN --loudly", "desmos-fast nothing"])
def test_a_command_that_is_not_there_is_seen(line: str) -> None:
    with pytest.raises(AssertionError):
        check(line)


def test_every_command_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert not [words for words in LEAVES if f"`{words}" not in page]


def test_the_tour_of_the_first_page_works(tmp_path: Path) -> None:
    tour = [line for page, line in commands() if page == "README.md" and "var/day" in line]
    assert len(tour) == 9
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    for line in tour:
        words = [sys.executable, "-m", "desmos_fast.cli", *shlex.split(line)[1:]]
        run = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60)
        assert run.returncode == ("bad/" in line), f"{line}: {run.stderr}"
    assert (tmp_path / "var" / "day" / "orders.ndjson").stat().st_size
    assert not (tmp_path / "var" / "day" / "never.b2").exists()


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    for page in PAGES:
        for alone, inline in TARGET.findall(page.read_text(encoding="utf-8")):
            assert (alone or inline) in targets, f"{name(page)}: make {alone or inline}"


def test_the_settings_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    known = settings._KNOWN
    build = {"DESMOS_DEBUG", "DESMOS_SANITIZE", "DESMOS_ANNOTATE"}
    assert set(re.findall(r"DESMOS_[A-Z_]+", page)) == known | build


def test_the_codes_of_the_reader_are_in_the_reference() -> None:
    told = set(re.findall(r"\bB2_[A-Z0-9_]+", (ROOT / "docs" / "reference" / "exchange.md").read_text(encoding="utf-8")))
    rooms = ("desmos_fast/exchange", "desmos_fast/billing", "desmos_fast/lots", "desmos_fast/returns")
    texts = [path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).rglob("*.py")]
    used = set(re.findall(r"\"(B2_[A-Z0-9_]+)\"", "\n".join(texts)))
    assert used <= told


def test_the_first_page_says_what_it_is_not() -> None:
    head = (ROOT / "README.md").read_text(encoding="utf-8")[:1500].lower()
    assert "not agréé, test profile" in head
