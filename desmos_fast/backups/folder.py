# SPDX-License-Identifier: Apache-2.0
"""The folder of backups: each under the instant at which it began, whole or not there, and beside them what became of each trial."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from desmos_fast.backups.model import BackupBroken, BackupFailed, Kept, Manifest, Trial
from desmos_fast.db.secrets import sync_folder

CLUSTER: Final = "cluster"
MANIFEST: Final = "manifest.json"
TRIALS: Final = "trials"
PART: Final = ".part"
NAME: Final = "%Y%m%dT%H%M%SZ"
T = TypeVar("T", bound=msgspec.Struct)


def read(folder: Path) -> Kept:
    """Return what a folder holds; one that is not there holds nothing. Raises BackupBroken for what cannot be read."""
    backups = [_read(folder / name / MANIFEST, Manifest) for name in _names(folder) if name[:1].isdigit() and not name.endswith(PART)]
    trials = [_read(folder / TRIALS / name, Trial) for name in _names(folder / TRIALS) if name[:1].isdigit()]
    return Kept(backups, trials)


def find(folder: Path, name: str | None) -> Manifest:
    """Return a backup by its name, the last one without. Raises BackupFailed, BackupBroken."""
    backups = read(folder).backups
    found = [one for one in backups if name in (None, one.name)]
    if not found:
        what = "no backup" if name is None else f"no backup {name[:20]}"
        raise BackupFailed(f"there is {what} in {folder}", hint="look: desmos-fast backup list")
    return found[-1]


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder, for its user alone, hold it, and take away what a program that died left half made. Raises BackupFailed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BackupFailed(f"{folder} cannot be used: {error.strerror}", hint="name a folder that you may write in") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.glob(f"*{PART}"):
            shutil.rmtree(left)
        yield
    except BlockingIOError:
        raise BackupFailed(f"another program makes a backup in {folder}", hint="wait for it") from None
    finally:
        os.close(handle)


def keep_trial(folder: Path, trial: Trial) -> None:
    """Keep what became of a trial."""
    (folder / TRIALS).mkdir(mode=0o700, exist_ok=True)
    write(folder / TRIALS / f"{trial.at:{NAME}}-{trial.backup}.json", trial)


def write(path: Path, told: msgspec.Struct) -> None:
    """Write what is told under its name once it is whole and on disk."""
    part = path.with_name(f".{path.name}{PART}")
    with part.open("wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
    sync_folder(path.parent)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BackupFailed(f"{folder} cannot be read: {error.strerror}", hint="run as the user that makes backups") from error


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupBroken(f"{path} cannot be read: {error}", hint="move it away, and make a new backup") from error
    except OSError as error:
        raise BackupFailed(f"{path} cannot be read: {error.strerror}", hint="run as the user that makes backups") from error
