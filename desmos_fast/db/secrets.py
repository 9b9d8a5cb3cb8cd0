# SPDX-License-Identifier: Apache-2.0
"""Secrets of the house: random bytes in files that only we read, made once and kept."""

import os
import re
import stat
from pathlib import Path
from typing import Final

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.settings import Settings
from desmos_fast.db.home import make_home

FOLDER: Final = "secrets"
LARGEST: Final = 65_536
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


class SecretUnreadable(OutsideFailed):
    """A secret is there but cannot be trusted: unreadable, open to others, or of another size."""

    code = "outside_failed"


class SecretMissing(OutsideFailed):
    """A secret that must exist already does not."""

    code = "outside_failed"


def secret(place: Settings | Path, name: str, size: int = 32) -> bytes:
    """Return the secret `name` of a data folder: `size` random bytes, made at the first call and the same ever after.

    Several programs may ask at once: one file wins and all get its bytes. Raises SecretUnreadable, Unreachable, ValueError for a bad name.
    """
    data_dir = place.data_dir if isinstance(place, Settings) else place
    path = _path(data_dir, name)
    try:
        return _read(path, size)
    except FileNotFoundError:
        make_home(data_dir)
        _make(path, os.urandom(size))
    return _read(path, size)


def kept(data_dir: Path, name: str, size: int = 32) -> bytes:
    """Return a secret that must exist already. Raises SecretMissing, SecretUnreadable, ValueError for a bad name."""
    path = _path(data_dir, name)
    try:
        return _read(path, size)
    except FileNotFoundError as error:
        raise SecretMissing(f"{path} is missing", hint="restore the folder of secrets from the backup") from error


def found(data_dir: Path, name: str) -> bytes | None:
    """Return a secret of any size, None when it is not there. Raises SecretUnreadable, ValueError for a bad name."""
    try:
        return _read(_path(data_dir, name), None)
    except FileNotFoundError:
        return None


def put(data_dir: Path, name: str, value: bytes) -> None:
    """Keep a secret that was made elsewhere, unless one of that name is there. Raises ValueError for a bad name."""
    path = _path(data_dir, name)
    make_home(data_dir)
    _make(path, value)


def remove(data_dir: Path, name: str) -> None:
    """Take a secret away."""
    path = _path(data_dir, name)
    path.unlink()
    sync_folder(path.parent)


def read_private(path: Path, size: int) -> bytes:
    """Return the bytes of a file that only we read. Raises SecretMissing, SecretUnreadable."""
    try:
        return _read(path, size)
    except FileNotFoundError as error:
        raise SecretMissing(f"{path} is missing", hint="restore it: without it nothing it protects opens") from error


def _path(data_dir: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError("the name of a secret is lower-case letters, digits and underscores")
    return data_dir / FOLDER / name


def _make(path: Path, value: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        # A link fails where a rename would replace: two programs that make the same secret must end up with one.
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def _read(path: Path, size: int | None) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SecretUnreadable(f"{path} cannot be read: {error.strerror}", hint="run as the service's own user") from error
    with open(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise SecretUnreadable(f"{path} is open to other users (mode {mode:04o})", hint=f"is it known to them? then: chmod 600 {path}")
        value = file.read((LARGEST if size is None else size) + 1)
    if len(value) > LARGEST if size is None else len(value) != size:
        raise SecretUnreadable(
            f"{path} has not {size or 'so few'} bytes", hint="restore it from the backup: without it nothing it protects opens"
        )
    return value


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
