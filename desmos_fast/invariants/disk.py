# SPDX-License-Identifier: Apache-2.0
"""What lies in the data folder: files of the letterbox, and what a program that died left behind. No database."""

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from desmos_fast.invariants.model import SHOWN
from desmos_fast.invariants.store import Seen

LETTERBOX: Final = Path("letterbox")
# The cluster has temporary files of its own, and cleans them itself.
NOT_OURS: Final = frozenset({"postgres", "run", "binaries"})
PART: Final = ".part"
SECRETS: Final = "secrets"


def letters(data_dir: Path, biller: str) -> dict[Path, str]:
    """Return the SHA-256 (hex) of each file of a biller, or of all for "", that waits for the payers under its final name."""
    folder = data_dir / LETTERBOX / "to_payers"
    found = {}
    for path in sorted(folder.glob(f"{biller}*.b2")):
        try:
            with path.open("rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            continue  # taken by the payers since it was listed
    return found


def compare(found: Mapping[Path, str], kept: Mapping[str, set[str]]) -> Seen:
    """Compare what lies in the letterbox with what was laid out; `kept` gives the SHA-256 of each name."""
    wrong = [path.name for path, sha256 in found.items() if sha256 not in kept.get(path.name, ())]
    return Seen(len(found), len(wrong), tuple(wrong[:SHOWN]))


def half_written(data_dir: Path, older_s: float) -> Seen:
    """Return the temporary files of the letterbox that nobody writes any more."""
    return _old(data_dir, data_dir / LETTERBOX, older_s)


def left_behind(data_dir: Path, older_s: float) -> Seen:
    """Return the temporary files elsewhere in the data folder that nobody writes any more."""
    return _old(data_dir, data_dir, older_s)


def _old(data_dir: Path, folder: Path, older_s: float) -> Seen:
    paths = list(_temporary(data_dir, folder))
    now = time.time()
    wrong = [str(path.relative_to(data_dir)) for path, written in paths if now - written > older_s]
    return Seen(len(paths), len(wrong), tuple(wrong[:SHOWN]))


def _temporary(data_dir: Path, folder: Path) -> Iterator[tuple[Path, float]]:
    for parent, folders, files in os.walk(folder):
        if Path(parent) == data_dir:
            folders[:] = [name for name in folders if name not in NOT_OURS and name != str(LETTERBOX)]
        for name in sorted(files):
            path = Path(parent, name)
            if name.endswith(PART) or (parent == str(data_dir / SECRETS) and name.startswith(".")):
                try:
                    yield path, path.stat().st_mtime
                except FileNotFoundError:
                    continue
