# SPDX-License-Identifier: Apache-2.0
"""The wheel: what is in it, and that it runs from an environment that does not see the checkout."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("desmos_fast", "api", "readers", "monitoring", "ext")
GOLDEN: Final = ROOT / "tests" / "golden"
# What a build reads and an installation does not need.
LEFT_OUT: Final = (".pyx", ".pxd", ".pxi", ".h", ".c", ".so", ".html", ".pyc")

# Whichever runs first waits for the compiler.
pytestmark = [pytest.mark.together, pytest.mark.timeout(600)]


def run(arguments: Sequence[str | Path], folder: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command away from the checkout and from the developer's settings."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("DESMOS_")}
    return subprocess.run(arguments, cwd=folder, env=kept | env, capture_output=True, timeout=500)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy without anything that lies about; the generated C is taken over, and nothing made faster than it comes.

    The kernels that all other tests run are optimised; here only their packing is looked at, and the compiler is a minute quicker.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    left = shutil.ignore_patterns("__pycache__", "*.so", "*.c", "*.html")
    for package in (*PACKAGES, "tests", "loadtests"):
        shutil.copytree(ROOT / package, source / package, ignore=left)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    build = (source / "setup.py").read_text(encoding="utf-8")
    assert '"-O2"' in build
    (source / "setup.py").write_text(build.replace('"-O2"', '"-O0"'), encoding="utf-8")
    if (ROOT / "build" / "cython").exists():
        shutil.copytree(ROOT / "build" / "cython", source / "build" / "cython")
    (folder / "parallel.cfg").write_text(f"[build_ext]\nparallel = {os.cpu_count()}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w"]
    built = run([*command, folder / "out", source], folder, DIST_EXTRA_CONFIG=str(folder / "parallel.cfg"))
    assert built.returncode == 0, built.stdout.decode() + built.stderr.decode()
    [path] = (folder / "out").iterdir()
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Return the names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_holds_exactly_the_five_packages(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)


def test_it_holds_no_source_of_a_kernel(names: set[str]) -> None:
    assert not [name for name in names if name.endswith((".pyx", ".pxd", ".c", ".html"))]


def test_it_holds_every_kernel(names: set[str]) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert {name for name in names if name.endswith(".so")} == {f"ext/{path.stem}{suffix}" for path in (ROOT / "ext").glob("*.pyx")}


def test_it_holds_everything_else_of_the_packages(names: set[str]) -> None:
    there = {
        path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in LEFT_OUT
    }  # fmt: skip
    assert not there - names


@pytest.fixture(scope="module")
def program(wheel: Path) -> Path:
    """Install the wheel into an environment of its own, which takes the pinned libraries from ours."""
    folder = wheel.parents[1]
    made = run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], folder)
    assert made.returncode == 0, made.stderr.decode()
    python = folder / "venv" / "bin" / "python"
    installed = run([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel], folder)
    assert installed.returncode == 0, installed.stderr.decode()
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "venv" / "bin" / "desmos-fast"


def test_it_runs_from_where_it_is_installed(program: Path, tmp_path: Path) -> None:
    shown = run([program, "--help"], tmp_path)
    assert shown.returncode == 0 and b"reconcile" in shown.stdout
    code = "import desmos_fast, api, ext.seal; print(desmos_fast.__file__, api.__file__)"
    found = run([program.with_name("python"), "-c", code], tmp_path)
    assert found.returncode == 0, found.stderr.decode()
    assert all(Path(line).is_relative_to(program.parents[1]) for line in found.stdout.decode().split())


@pytest.mark.parametrize("case", ["01_ngap_visit", "02_dental_ccam"])
def test_it_encodes_the_golden_bytes(case: str, program: Path, tmp_path: Path) -> None:
    encoded = run([program, "fse", "encode", GOLDEN / f"{case}.ndjson"], tmp_path)
    assert encoded.returncode == 0, encoded.stderr.decode()
    assert encoded.stdout == (GOLDEN / f"{case}.b2").read_bytes()


def test_it_invents_a_day(program: Path, tmp_path: Path) -> None:
    made = run([program, "synth", "day", "--seed", "1", "--invoices", "20", "--out", "day"], tmp_path)
    assert made.returncode == 0, made.stderr.decode()
    assert (tmp_path / "day" / "bank.cfonb").stat().st_size


def test_it_has_its_tariffs(program: Path, tmp_path: Path) -> None:
    shown = run([program, "tariffs", "--json", "--on", "2026-03-10", "--table", "prices"], tmp_path)
    assert shown.returncode == 0, shown.stderr.decode()
    assert b'"code":"G","specialty":"","unit_price":3000' in shown.stdout


def test_the_benchmarks_say_where_they_are(program: Path, tmp_path: Path) -> None:
    found = run([program.with_name("python"), "-c", "import loadtests"], tmp_path)
    assert found.returncode != 0


def test_its_extra_brings_the_library_of_card_readers(wheel: Path, program: Path, tmp_path: Path) -> None:
    pytest.importorskip("smartcard")
    python = program.with_name("python")
    # Without an index only what is here can satisfy it.
    command: list[str | Path] = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--dry-run", f"{wheel}[readers]"]
    resolved = run(command, tmp_path)
    assert resolved.returncode == 0, resolved.stderr.decode()
    assert re.search(rb"already satisfied: pyscard\S* .*\(from desmos-fast", resolved.stdout), resolved.stdout
    shown = run([program, "agent", "read", "--json", "--timeout", "0.1"], tmp_path)
    assert shown.returncode == 3 and b"PCSC_LIBRARY" not in shown.stderr


def test_it_has_its_page_and_its_table_of_imaging_programs(program: Path, tmp_path: Path) -> None:
    listed = run([program, "agent", "bridges", "list"], tmp_path)
    assert listed.returncode == 0 and b"Romexis" in listed.stdout
    code = "import api.desk as d; print(sum((d.files('api') / 'pages' / name).is_file() for name in d.TYPES))"
    found = run([program.with_name("python"), "-c", code], tmp_path)
    assert found.stdout.strip() == b"4", found.stderr.decode()
