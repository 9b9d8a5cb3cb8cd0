# SPDX-License-Identifier: Apache-2.0
"""The set-up script, on machines that lack something: it installs where it may, and else says what is missing and why."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
USUAL: Final = ("bash", "env", "dirname", "cat")
GCC: Final = '#!/bin/sh\nread -r line\ncase "$line" in $MISSING) exit 1;; esac\n'
APT: Final = '#!/bin/sh\necho "$@" >> "$LOG"\n'
NOTHING: Final = "#!/bin/sh\n"


class Machine:
    """A folder of programs that stands for a machine, and what apt was asked there."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "log"
        for name in USUAL:
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        self.add("id", "#!/bin/sh\necho 1000\n")

    def add(self, name: str, text: str) -> "Machine":
        """Add a program."""
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)
        return self

    def python(self) -> "Machine":
        """Add the Python that runs this test."""
        return self.add("python3.11", f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    def set_up(self, missing: str = "nothing", *tools: str) -> tuple[int, str]:
        """Run the script, for a few tools too; return its status and what it said."""
        env = {"PATH": str(self.bin), "LOG": str(self.log), "MISSING": missing}
        run = subprocess.run([ROOT / "scripts" / "system-packages", *tools], env=env, capture_output=True, text=True, timeout=30)
        assert not run.stdout
        return run.returncode, run.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine that has nothing yet."""
    return Machine(tmp_path)


def test_a_machine_that_has_all_is_left_alone(machine: Machine) -> None:
    machine.python().add("gcc", GCC).add("apt-get", APT)
    assert machine.set_up() == (0, "")
    assert not machine.log.exists()


def test_without_a_compiler_nor_apt_it_says_what_and_why(machine: Machine) -> None:
    status, said = machine.python().set_up()
    assert status == 1
    assert "gcc: the compiler of the kernels" in said
    assert "libssl-dev: OpenSSL's libcrypto" in said
    assert "apt-get install --no-install-recommends gcc libc6-dev libssl-dev\n" in said


def test_without_python_it_asks_for_it(machine: Machine) -> None:
    status, said = machine.add("gcc", GCC).set_up()
    assert status == 1
    assert "apt-get install --no-install-recommends python3 python3-venv python3-dev\n" in said


def test_an_ordinary_user_is_told_what_to_ask_for(machine: Machine) -> None:
    machine.python().add("gcc", GCC).add("apt-get", APT).add("sudo", "#!/bin/sh\nexit 1\n")
    status, said = machine.set_up("*openssl*")
    assert status == 1
    assert "Ask an administrator" in said and "apt-get install --no-install-recommends libssl-dev\n" in said
    assert not machine.log.exists()


@pytest.mark.parametrize("who", ["root", "sudo"])
def test_who_may_install_installs_just_what_is_missing(machine: Machine, who: str) -> None:
    machine.python().add("gcc", GCC).add("apt-get", APT)
    if who == "root":
        machine.add("id", "#!/bin/sh\necho 0\n")
    else:
        machine.add("sudo", '#!/bin/sh\nshift\nexec "$@"\n').add("true", "#!/bin/sh\n")
    status, said = machine.set_up("*openssl*")
    assert status == 0, said
    assert machine.log.read_text(encoding="utf-8") == "update -q\ninstall -y -q --no-install-recommends libssl-dev\n"


def test_a_tool_is_asked_for_by_the_targets_that_need_it(machine: Machine) -> None:
    machine.python().add("gcc", GCC).add("valgrind", "#!/bin/sh\n")
    assert machine.set_up("nothing", "valgrind") == (0, "")
    status, said = machine.set_up("nothing", "valgrind", "clang")
    assert status == 1 and "  clang: the compiler that shows the fuzzer" in said and "  valgrind:" not in said
    assert machine.set_up("nothing", "ocaml") == (2, "No target needs ocaml\n")


def test_the_bench_of_the_readers_is_asked_for_with_all_its_parts(machine: Machine) -> None:
    machine.python().add("gcc", GCC).add("apt-get", APT)
    status, said = machine.set_up("*wintypes*", "readers")
    assert "  vsmartcard-vpcd: two card readers" in said and "  libpcsclite-dev: the headers" in said
    nothing, said = machine.add("vpcd-config", NOTHING).add("pcscd", NOTHING).add("softhsm2-util", NOTHING).set_up("nothing", "readers")
    assert status == 1 and (nothing, said) == (0, "")


def test_any_browser_of_that_kind_will_do(machine: Machine) -> None:
    machine.python().add("gcc", GCC)
    status, said = machine.set_up("nothing", "chromium")
    assert status == 1 and "  chromium: a real browser" in said
    assert machine.add("google-chrome", "#!/bin/sh\n").set_up("nothing", "chromium") == (0, "")


def test_an_old_python_is_no_python(machine: Machine) -> None:
    machine.add("python3", "#!/bin/sh\nexit 1\n")
    run = subprocess.run([ROOT / "scripts" / "find-python"], env={"PATH": str(machine.bin)}, capture_output=True, text=True, timeout=30)
    assert run.returncode == 1 and run.stderr == "Python 3.11 or later is needed\n"


def test_the_chosen_python_comes_first(machine: Machine) -> None:
    machine.python().add("mine", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    env = {"PATH": str(machine.bin), "PYTHON": "mine"}
    run = subprocess.run([ROOT / "scripts" / "find-python"], env=env, capture_output=True, text=True, timeout=30)
    assert run.stdout == "mine\n"


def test_an_environment_left_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "all.txt").touch()
    for name, text in (("system-packages", "#!/bin/sh\n"), ("find-python", f"#!/bin/sh\necho {sys.executable}\n")):
        (tmp_path / "scripts" / name).write_text(text, encoding="utf-8")
        (tmp_path / "scripts" / name).chmod(0o755)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True, timeout=60)
    command = ["make", "-f", str(ROOT / "Makefile"), ".venv/.ready"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / ".venv" / ".ready").exists()


def test_help_names_every_target() -> None:
    shown = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30).stdout
    named = "demo test lint types build bench fuzz sanitize valgrind coverage annotate fault serve migrate golden clean"
    for target in named.split():
        assert f"  make {target} " in shown
