# SPDX-License-Identifier: Apache-2.0
"""The safety builds: what each switch of setup.py does, that a build leaves the kernels in place alone, and what no kernel may give up."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
SHOWN: Final = """
import os, setup
print(*setup.COMPILE, *setup.SANITIZERS, setup.DIRECTIVES["linetrace"], setup.ANNOTATE, os.environ.get("CC"))
"""
KERNEL: Final = "# cython: language_level=3\ndef answer() -> int:\n    return 42\n"


def shown(**switches: str) -> str:
    """Return the flags that setup.py chooses."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DESMOS_") and name != "CC"}
    run = subprocess.run([sys.executable, "-c", SHOWN], cwd=ROOT, env=env | switches, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_a_release_has_none_of_it() -> None:
    assert shown() == "-O2 -g0 False False None"


def test_each_switch_does_one_thing() -> None:
    assert shown(DESMOS_DEBUG="1") == "-O0 -g -UNDEBUG True False None"
    assert shown(DESMOS_ANNOTATE="1") == "-O2 -g0 False True None"
    assert shown(DESMOS_SANITIZE="1").startswith("-O2 -g0 -fsanitize=address,undefined -fno-sanitize-recover=all ")
    assert "-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all " in shown(DESMOS_SANITIZE="fuzz")
    assert shown(DESMOS_SANITIZE="fuzz").endswith(" clang") and shown(DESMOS_SANITIZE="fuzz", CC="clang-19").endswith(" clang-19")


def test_a_switch_that_is_misspelt_is_refused() -> None:
    with pytest.raises(AssertionError, match="KeyError: 'asan'"):
        shown(DESMOS_SANITIZE="asan")


def test_a_build_leaves_the_kernels_in_place_alone_and_does_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "ext").mkdir()
    (tmp_path / "ext" / "__init__.py").touch()
    (tmp_path / "ext" / "one.pyx").write_text(KERNEL, encoding="utf-8")
    (tmp_path / "ext" / "two.pyx").write_text(KERNEL, encoding="utf-8")
    (tmp_path / "ext" / "one.odd.so").write_text("in place", encoding="utf-8")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "setup.py", tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    built = tmp_path / "build" / "some" / "ext"

    def build() -> dict[str, int]:
        run = subprocess.run([tmp_path / "scripts" / "safety-build", "some"], capture_output=True, text=True, timeout=100)
        assert run.returncode == 0, run.stderr
        return {path.name.partition(".")[0]: path.stat().st_mtime_ns for path in built.glob("*.so")}

    first = build()
    assert set(first) == {"one", "two"} and build() == first
    (tmp_path / "ext" / "two.pyx").unlink()
    assert build() == {"one": first["one"]} and not (built / "two.pyx").exists()
    assert [path.name for path in (tmp_path / "ext").glob("*.so")] == ["one.odd.so"]


def test_no_kernel_gives_up_its_bounds() -> None:
    sources = [*(ROOT / "ext").glob("*.pyx"), *(ROOT / "ext").glob("*.pxd")]
    assert len(sources) > 20
    given_up = re.compile(r"boundscheck\s*\(?\s*=?\s*False|wraparound\s*\(?\s*=?\s*True|initializedcheck\s*\(?\s*=?\s*False")
    assert [path.name for path in sources if given_up.search(path.read_text(encoding="utf-8"))] == []
    assert given_up.search("@cython.boundscheck(False)") and given_up.search("# cython: boundscheck=False")
