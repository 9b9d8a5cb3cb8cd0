# SPDX-License-Identifier: Apache-2.0
"""Which processes belong to a data folder: what a test started, and what it must not leave behind."""

from pathlib import Path


def processes_of(data_dir: Path) -> list[str]:
    """Return the command lines of the processes that work on a data folder: by their environment, their folder or their arguments."""
    marks = (f"DESMOS_DATA_DIR={data_dir}".encode(), str(data_dir).encode())
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if marks[0] in (process / "environ").read_bytes().split(b"\0") or (marks[1] in command and b"postgres" in command):
                found.append(f"{process.name} {command.replace(bytes(1), b' ').decode(errors='replace')}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
