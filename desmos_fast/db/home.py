# SPDX-License-Identifier: Apache-2.0
"""The data folder, and the account that PostgreSQL runs under.

PostgreSQL refuses to run as root. Root's data folder therefore belongs to root and lets others pass through (0711), and what PostgreSQL
writes lies in folders below it that belong to a service account. Rights are set on folders that we make, and on nothing else.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.settings import BadSetting

OWN_ACCOUNT: Final = "desmos-fast"
# An account that exists for this or for PostgreSQL. Else one is made; `nobody`, which others share, only where that fails.
ACCOUNTS: Final = (OWN_ACCOUNT, "postgres", "_postgresql")
LAST_ACCOUNT: Final = "nobody"
PROBE_TIMEOUT_S: Final = 20.0


class NoAccount(OutsideFailed):
    """We are root, and there is no other account to run PostgreSQL under."""

    code = "outside_failed"


class Unreachable(BadSetting):
    """The data folder is not usable where it is; the hint says what to do."""

    code = "invalid_input"


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs PostgreSQL; `foreign` when that is not who we are."""

    name: str
    uid: int
    gid: int
    foreign: bool

    @property
    def popen(self) -> dict[str, Any]:
        """Return what subprocess needs to run a command as this account: no group and no variable of ours goes along."""
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
        if not self.foreign:
            return {"env": environment, "umask": 0o077}
        return {"env": environment, "umask": 0o077, "user": self.uid, "group": self.gid, "extra_groups": []}

    def may(self, test: str, path: Path) -> bool:
        """Say whether this account passes `test` (one of test(1): -x, -r, -w) on a path: asking beats reading modes, there are ACLs."""
        command = ["/bin/sh", "-c", 'test "$1" "$2"', "sh", test, str(path)]
        try:
            run = subprocess.run(command, cwd="/", timeout=PROBE_TIMEOUT_S, **self.popen)
        except PermissionError as error:
            raise NoAccount(f"this root may not run a program as {self.name}", hint="start desmos-fast as an ordinary user") from error
        return run.returncode == 0

    def runs(self, command: Sequence[str | Path]) -> bool:
        """Say whether this account can start a command that ends well."""
        try:
            run = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT_S, **self.popen)
        except (OSError, subprocess.SubprocessError):
            return False
        return run.returncode == 0


def account(owner: int | None = None) -> Account:
    """Return the account for PostgreSQL: ourselves, or for root a service account, that of uid `owner` where data exist already.

    Raises NoAccount.
    """
    if os.geteuid() != 0:
        me = os.geteuid()
        return Account(str(me), me, os.getegid(), foreign=False)
    if owner is not None:
        return _of_owner(owner)
    for name in ACCOUNTS:
        if (found := _named(name)) is not None:
            return found
    return _made() or _named(LAST_ACCOUNT) or _no_account()


def _of_owner(uid: int) -> Account:
    if uid == 0:
        raise NoAccount("the database belongs to root, which PostgreSQL refuses", hint="give its folder to the account that made it")
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, uid, foreign=True)
    return Account(entry.pw_name, uid, entry.pw_gid, foreign=True)


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return None if entry.pw_uid == 0 else Account(name, entry.pw_uid, entry.pw_gid, foreign=True)


def _made() -> Account | None:
    """Make the system account as a package's installation would, where the machine has the tool for it."""
    tool = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if tool is None:
        return None
    shell = next((path for path in ("/usr/sbin/nologin", "/sbin/nologin") if os.path.exists(path)), "/bin/false")
    command = [tool, "--system", "--user-group", "--no-create-home", "--home-dir", "/", "--shell", shell, OWN_ACCOUNT]
    made = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PROBE_TIMEOUT_S)
    return _named(OWN_ACCOUNT) if made.returncode == 0 else None


def _no_account() -> Account:
    raise NoAccount("PostgreSQL refuses to run as root, and no service account was found", hint=f"run: useradd --system {OWN_ACCOUNT}")


def make_home(data_dir: Path) -> None:
    """Make the data folder and those above it when they are missing, and refuse one that another user could change under us.

    Raises Unreachable.
    """
    try:
        for folder in reversed(data_dir.parents[:-1]):
            _made_passable(folder)
        if _made_passable(data_dir):
            return
        found = data_dir.stat()
    except OSError as error:
        raise Unreachable(
            f"the data folder {data_dir} cannot be made: {error.strerror}", hint="set DESMOS_DATA_DIR to a folder that you may write"
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise Unreachable(f"{data_dir} is not a folder", hint="set DESMOS_DATA_DIR to a folder")
    if found.st_uid != os.geteuid():
        hint = "run as that user, or set DESMOS_DATA_DIR to a folder of your own"
        raise Unreachable(f"the data folder {data_dir} belongs to another user (number {found.st_uid})", hint=hint)
    if found.st_mode & stat.S_IWOTH:
        raise Unreachable(f"everyone may write in the data folder {data_dir}", hint=f"run: chmod o-w {data_dir}")


def _made_passable(folder: Path) -> bool:
    """Make a folder when it is missing, and say whether: root's lets the service account pass through, whatever the umask."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return True


def check_reachable(data_dir: Path, who: Account) -> None:
    """Refuse a data folder that the service account cannot reach, and name the folder that bars the way. Raises Unreachable."""
    if who.may("-x", data_dir):
        return
    for folder in reversed([data_dir, *data_dir.parents]):
        if not who.may("-x", folder):
            raise Unreachable(
                f"PostgreSQL runs as the account {who.name}, which cannot enter {folder}",
                hint=f"set DESMOS_DATA_DIR to a folder that it can reach, such as /var/lib/desmos-fast, or run: chmod o+x {folder}",
            )


def own_folder(path: Path, who: Account) -> None:
    """Make a folder that only `who` enters, when it is missing."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    if who.foreign:
        os.chown(path, who.uid, who.gid, follow_symlinks=False)
