# SPDX-License-Identifier: Apache-2.0
"""Libraries of vendors that the tests compile, and the folders by which they are told what to do."""

import os
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


def compiled(source: str, folder: Path, *options: str) -> Path:
    """Compile a shared library into a folder."""
    made = folder / f"{source}{''.join(options)}.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", *options, "-o", str(made), str(HERE / f"{source}.c"), "-ldl"], check=True, timeout=60)
    return made


class Told:
    """The folder that a library of the tests reads at each call, and writes what it was called for into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def next(self, verb: str, number: int = 0) -> None:
        """Say what goes wrong at the next call."""
        self.write("next", f"{verb} {number:x}".encode())

    def write(self, name: str, value: bytes) -> None:
        """Write a file whole: the library may be reading."""
        made = self.folder / f".{name}"
        made.write_bytes(value)
        os.replace(made, self.folder / name)

    def calls(self, *kinds: str) -> list[str]:
        """Return the lines of what was called, of some kinds."""
        path = self.folder / "calls"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [line for line in lines if line.split(" ", 1)[0] in kinds]
