# SPDX-License-Identifier: Apache-2.0
"""The folder of the server's unix socket: below the data folder, or a short private one where the system's limit asks for it."""

import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Final

from desmos_fast.db.home import Account, own_folder
from desmos_fast.db.postmaster import SOCKET, StartFailed

FOLDER: Final = "run"
MAX_SOCKET_PATH: Final = 107
MAX_BASE: Final = 50
# Both PostgreSQL and the drivers split a list of folders at commas, so a path with one is treated like a path that is too long.
_PLAIN: Final = re.compile(r"[A-Za-z0-9/._+@~-]+")


def socket_folder(data_dir: Path, who: Account) -> Path:
    """Return `run/` of the data folder, or the short folder that `run` points to where the socket's path would pass 107 bytes.

    Raises StartFailed when there is no place for a short one.
    """
    path = data_dir / FOLDER
    if len(os.fsencode(path / SOCKET)) <= MAX_SOCKET_PATH and _PLAIN.fullmatch(str(path)):
        own_folder(path, who)
        return path
    found = _pointed_at(path)
    if found is not None and _private(found, who):
        return found
    path.unlink(missing_ok=True)
    for base in ("/run", "/tmp") if who.foreign else (os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):
        if len(base) <= MAX_BASE and _PLAIN.fullmatch(base) and os.access(base, os.W_OK | os.X_OK) and who.may("-x", Path(base)):
            made = Path(tempfile.mkdtemp(prefix="desmos-", dir=base))
            if who.foreign:
                os.chown(made, who.uid, who.gid)
            path.symlink_to(made)
            return made
    raise StartFailed(
        f"the path {data_dir} is too long for a socket, and there is no short folder for it", hint="set DESMOS_DATA_DIR to a shorter path"
    )


def forget_short(data_dir: Path) -> None:
    """Remove the short folder, unless a server that did not end still has its socket there: the next start uses it again."""
    path = data_dir / FOLDER
    found = _pointed_at(path)
    if found is not None and found.is_dir() and not any(found.iterdir()):
        found.rmdir()
        path.unlink()


def _pointed_at(path: Path) -> Path | None:
    return Path(os.readlink(path)) if path.is_symlink() else None


def _private(folder: Path, who: Account) -> bool:
    """Say whether a folder is still the one that we made: in /tmp another user may have taken its name after a reboot."""
    try:
        found = folder.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == who.uid and stat.S_IMODE(found.st_mode) == 0o700
