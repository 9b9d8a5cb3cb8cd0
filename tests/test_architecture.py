# SPDX-License-Identifier: Apache-2.0
"""The house rules that a tool can hold: direction of imports, what only some rooms may say, sizes, stubs, licence lines."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("desmos_fast", "api", "readers", "monitoring", "ext")
ROOMS: Final = (*PACKAGES, "loadtests", "tests")
TOOLS: Final = Path(sys.executable).parent
MODULE_LINES: Final = 400
FUNCTION_LINES: Final = 50

# One breach for each contract of pyproject.toml: what is added to which module.
BREACHES: Final = {
    "desmos_fast/base/types.py": "import desmos_fast.billing.model",
    "desmos_fast/lots/model.py": "import desmos_fast.lots.codec",
    "desmos_fast/billing/model.py": "import desmos_fast.billing.rules",
    "desmos_fast/billing/rules.py": "import aiohttp",
    "desmos_fast/base/clock.py": "import ext",
    "desmos_fast/exchange/text.py": "import monitoring.metrics",
    "desmos_fast/lots/rules.py": "import asyncpg",
    "desmos_fast/settlement/rules.py": "import prometheus_client",
    "api/titles.py": "import smartcard",
    "readers/__init__.py": "import desmos_fast.db.pool",
    "readers/reading.py": "import pkcs11",
}
SQL: Final = re.compile(
    r"\b(SELECT\s.+\sFROM|SELECT\s+\w+\(|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE\s|COPY\s+\w+"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|ROLE|POLICY|FUNCTION|DATABASE|SCHEMA)|GRANT\s.+\sTO|SET\s+LOCAL|LISTEN\s|NOTIFY\s)",
    re.DOTALL,
)
# `acquire(` of a pool, and who may call it: where the tenant is set, and the question whether the database is there.
ACQUIRE: Final = re.compile(r"pool\.acquire\(|\bacquire\(timeout")
DOCSTRING: Final = re.compile(r'^ *"""(?:(?!""").)+"""\n', re.DOTALL | re.MULTILINE)
MAY_ACQUIRE: Final = {"desmos_fast/db/tenant.py", "desmos_fast/db/pipeline.py", "desmos_fast/db/health.py"}
HOSTS: Final = re.compile(r"/wor[k]/|\.\./share[d]|/roo[t]/|pyp[i]\.|pythonhoste[d]|npmj[s]|deb\.debia[n]", re.IGNORECASE)


def sources(*suffixes: str, rooms: tuple[str, ...] = ROOMS) -> Iterator[Path]:
    """Give the source files of rooms, without what a build leaves there."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in suffixes and "__pycache__" not in path.parts:
                yield path


def name(path: Path) -> str:
    """Return the path below the root."""
    return path.relative_to(ROOT).as_posix()


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a tree."""
    env = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200"}
    return subprocess.run(
        [TOOLS / "lint-imports", "--no-cache", "--no-logo"], cwd=root, env=env, capture_output=True, text=True, timeout=100
    )


def test_imports_run_one_way() -> None:
    run = lint_imports(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


def test_each_contract_sees_its_breach(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for target, line in BREACHES.items():
        with (tmp_path / target).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    run = lint_imports(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert " kept, " in run.stdout
    assert "Contracts: 0 kept" in run.stdout, run.stdout


def test_kernels_import_nothing_of_ours() -> None:
    ours = "|".join(room for room in ROOMS if room != "ext")
    wrong = re.compile(rf"^\s*(?:from|import|cimport)\s+(?:{ours})\b|^\s*(?:from|import)\s+\.|import_module\(", re.MULTILINE)
    for path in sources(".pyx", ".pxd", ".pyi", rooms=("ext",)):
        assert not wrong.search(path.read_text(encoding="utf-8")), name(path)


def test_only_stores_and_the_database_room_hold_sql() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in sources(".py", rooms=PACKAGES)
        if path.name != "store.py" and not name(path).startswith("desmos_fast/db/")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert not found


def test_sql_is_recognised() -> None:
    assert SQL.search("SELECT id\n  FROM lot WHERE number = $1")
    assert SQL.search("UPDATE lot SET state = 'sent'")
    assert not SQL.search("Select the lots to update from the list")


def test_only_the_api_the_simulated_concentrator_and_the_loopback_of_the_agent_serve_http() -> None:
    wrong = re.compile(r"aiohttp\.web|from aiohttp import .*\bweb\b")
    serving = {name(path) for path in sources(".py", rooms=PACKAGES) if wrong.search(path.read_text()) and path.parts[-2] != "api"}
    assert serving == {"desmos_fast/simulator/server.py", "readers/loopback/server.py"}


def test_connections_are_taken_where_the_tenant_is_set() -> None:
    takers = {name(path) for path in sources(".py", rooms=PACKAGES) if ACQUIRE.search(path.read_text(encoding="utf-8"))}
    assert takers == MAY_ACQUIRE


def test_modules_are_short() -> None:
    long = {name(path): count for path in sources(".py", ".pyx", ".pxd") if (count := len(path.read_text().splitlines())) > MODULE_LINES}
    assert not long


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Give the functions of a module and the number of their lines, docstrings not counted."""
    lines = DOCSTRING.sub("", path.read_text(encoding="utf-8")).splitlines()
    for first, line in enumerate(lines):
        if head := re.match(r"( *)(?:async def|cdef|cpdef|def)\b[^=]*?\b(\w+)[\[(]", line):
            # The body ends before the next line that is not deeper; a closing bracket of the head stands as deep as the head.
            inside = re.compile(rf" {{{len(head[1]) + 1}}}|{head[1]}\)|\s*$")
            last = next((row for row in range(first + 1, len(lines)) if not inside.match(lines[row])), len(lines))
            yield head[2], len("\n".join(lines[first:last]).rstrip().splitlines())


def test_functions_are_short() -> None:
    long = [
        (name(path), function, count)
        for path in sources(".py", ".pyx", ".pxd")
        for function, count in functions(path)
        if count > FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("suffix", [".py", ".pyx"])
def test_functions_are_found(suffix: str, tmp_path: Path) -> None:
    module = tmp_path / f"module{suffix}"
    text = 'def one(\n    a\n):\n    """Say\n\n    it."""\n    pass\n\n\n    return a\n\n\nclass A:\n    def two(self): return 1\n'
    module.write_text(text, encoding="utf-8")
    assert list(functions(module)) == [("one", 7), ("two", 1)]


def test_each_source_says_its_licence() -> None:
    scripts = [ROOT / "Makefile", ROOT / "setup.py", ROOT / ".ci" / "run", *(ROOT / "scripts").iterdir()]
    for path in (*sources(".py", ".pyi", ".pyx", ".pxd"), *scripts):
        head = path.read_text(encoding="utf-8").splitlines()[:2]
        assert any(line.startswith("# SPDX-License-Identifier: Apache-2.0") for line in head), name(path)


def test_each_kernel_has_its_stub_and_each_package_its_marker() -> None:
    assert {path.stem for path in sources(".pyx", rooms=("ext",))} == {path.stem for path in sources(".pyi", rooms=("ext",))}
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists(), package


def test_the_project_speaks_of_itself_alone() -> None:
    texts = [*sources(".py", ".pyi", ".pyx", ".pxd", ".sql", ".md", ".toml", ".jinja", ".csv"), *(ROOT / "docs").rglob("*.md")]
    texts += [*ROOT.glob("*.md"), *ROOT.glob("*.toml"), ROOT / "Makefile"]
    texts += [*(ROOT / "scripts").iterdir(), *(ROOT / "requirements").iterdir()]
    for path in texts:
        if path != Path(__file__):
            found = HOSTS.search(path.read_text(encoding="utf-8"))
            assert not found, f"{name(path)}: {found and found[0]}"


WARN: Final = """
import sys
from Cython.Build import cythonize
from setup import DIRECTIVES
cythonize(sys.argv[1], compiler_directives=DIRECTIVES, build_dir=sys.argv[2], show_all_warnings=True, quiet=True, force=True)
"""


@pytest.mark.parametrize("kernel", sorted(f"ext/{path.name}" for path in (ROOT / "ext").glob("*.pyx")))
def test_no_kernel_swallows_an_exception(kernel: str, tmp_path: Path) -> None:
    """What is raised in a function that is `noexcept` is printed and lost: Cython knows where that can happen."""
    run = subprocess.run([sys.executable, "-c", WARN, kernel, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert run.returncode == 0, run.stderr
    swallowed = {line for line in (run.stderr + run.stdout).splitlines() if re.match(r"warning: ext/.*Unraisable exception", line)}
    assert not swallowed, "\n".join(sorted(swallowed))
