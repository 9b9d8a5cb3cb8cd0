# SPDX-License-Identifier: Apache-2.0
"""The card service as a child process: started, killed and started again, always by its own process id."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from desmos_fast.base.errors import OutsideFailed
from readers.simulator.vpcd import PORTS

COMMAND: Final = ("/usr/sbin/pcscd", "--foreground", "--error")
LINE: Final = Path("/run/pcscd/pcscd.comm")
LEFT_BEHIND: Final = (LINE, Path("/run/pcscd/pcscd.pid"))
DRIVER: Final = Path("/etc/reader.conf.d/vpcd")
LIBRARY: Final = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
# Those of the package lie among the ports that a system gives to whoever calls out; these do not.
OWN_PORT: Final = 28_900
SLOTS: Final = 2
# Two on one machine would talk to each other's cards.
LOCK: Final = Path("/run/lock/desmos-fast-readers.lock")
PATIENCE: Final = 5.0
ATTEMPTS: Final = 5


class NoBench(OutsideFailed):
    """This machine cannot run a card service with virtual readers."""


def why_not() -> str:
    """Say what is missing for a card service with virtual readers, or nothing."""
    if find_spec("smartcard") is None:
        return "the library of card readers is not installed"
    if shutil.which(COMMAND[0]) is None:
        return "pcscd is not installed"
    if not DRIVER.exists() or not LIBRARY.exists():
        return "the driver of virtual readers (vsmartcard-vpcd) is not installed"
    if os.geteuid() != 0 and not os.access(LINE.parent, os.W_OK):
        return f"{LINE.parent} is not writable"
    if answers():
        return "a card service that is not ours is running"
    return ""


def answers() -> bool:
    """Say whether a card service answers on its socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.connect(str(LINE))
        return True
    return False


@contextlib.contextmanager
def the_only_one() -> Iterator[None]:
    """Be the only one on this machine who runs a card service with virtual readers; wait for others to end. Raises NoBench."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if reason := why_not():
                raise NoBench(reason)
            yield
        finally:
            # Not by closing alone: a child that was forked meanwhile holds the same file.
            fcntl.flock(lock, fcntl.LOCK_UN)


class Service:
    """One card service, our child."""

    def __init__(self, command: Sequence[str] = COMMAND, ports: Sequence[int] = PORTS) -> None:
        self.command, self.ports = tuple(command), tuple(ports)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Start it, and return when it answers and its virtual readers listen. Raises TimeoutError."""
        LINE.parent.mkdir(exist_ok=True)
        for _ in range(ATTEMPTS):
            if self._started():
                return
            self.kill()
        raise TimeoutError("the card service did not start, or its virtual readers do not listen")

    def _started(self) -> bool:
        for path in LEFT_BEHIND:
            path.unlink(missing_ok=True)
        self._child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._child.poll() is None:
            if answers():
                # By then it has tried to listen: a port may be in use for a moment, as a system gives any to whoever calls out.
                return all(map(_listens, self.ports))
            time.sleep(0.005)
        return False

    def kill(self) -> None:
        """End it as a crash would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def stop(self) -> None:
        """End it politely, and by force when it takes long."""
        if self._child is not None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(PATIENCE)
            self.kill()

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def own_service(folder: Path, names: Sequence[str] = ("Virtual PCD",)) -> Service:
    """Return a service with virtual readers of those names, two slots each, on ports from OWN_PORT on; the folder describes it."""
    entries = []
    for rank, name in enumerate(names):
        port = OWN_PORT + SLOTS * rank
        # The driver holds what it knows of its slots once for each file of it.
        library = shutil.copy(LIBRARY, folder / f"driver-{rank}.so")
        entries.append(f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {library}\nCHANNELID 0x{port:04X}\n')
    config = folder / "reader.conf"
    config.write_text("\n".join(entries), encoding="utf-8")
    return Service((*COMMAND, "--config", str(config)), range(OWN_PORT, OWN_PORT + SLOTS * len(names)))


def _listens(port: int) -> bool:
    """Say whether somebody listens on a port, without dialling: a call would be a card."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                if local.endswith(wanted) and state == "0A":
                    return True
    return False
