# SPDX-License-Identifier: Apache-2.0
"""The spool of a CFT monitor, and a monitor of ours that does what the page of transports says one does."""

import asyncio
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desmos_fast.lots.transports.cft import CONTROL, CftTransport
from desmos_fast.lots.transports.port import NameTaken, Parcel, TransportFailed

PARCEL = Parcel("750000010-000001.b2", bytes(range(256)) * 40)


def collect(spool: Path) -> dict[str, bytes]:
    """Take what a monitor would take: each file that a control file names, checked; both are taken out."""
    taken = {}
    for control in sorted(spool.glob(f"*{CONTROL}")):
        told = dict(line.split("=", 1) for line in control.read_text().splitlines())
        content = Path(told["FNAME"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (int(told["SIZE"]), told["SHA256"])
        taken[told["PARM"]] = content
        control.unlink()
        Path(told["FNAME"]).unlink()
    return taken


async def test_a_file_stands_before_the_file_that_has_it_sent(folder: Path) -> None:
    await CftTransport(folder, "CPAM75", "B2").put(PARCEL)
    assert (folder / f"{PARCEL.name}.cft").read_text() == (
        f"PART=CPAM75\nIDF=B2\nFNAME={folder}/{PARCEL.name}\nNFNAME={PARCEL.name}\nPARM={PARCEL.key}\n"
        f"SIZE={len(PARCEL.content)}\nSHA256={hashlib.sha256(PARCEL.content).hexdigest()}\n"
    )
    assert collect(folder) == {PARCEL.key: PARCEL.content} and os.listdir(folder) == []


async def test_given_again_before_it_was_taken_it_is_one_file(folder: Path) -> None:
    sender = CftTransport(folder, "CPAM75", "B2")
    await sender.put(PARCEL)
    await sender.put(PARCEL)
    assert sorted(os.listdir(folder)) == [PARCEL.name, f"{PARCEL.name}.cft"]
    with pytest.raises(NameTaken):
        await sender.put(Parcel(PARCEL.name, b"other"))
    first = collect(folder)
    await sender.put(PARCEL)
    assert collect(folder) == first, "given again after it was taken, it has the same key"


async def test_a_spool_that_is_not_there_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed):
        await CftTransport(tmp_path / "missing", "P", "I").put(PARCEL)


SENDER = """
import asyncio, sys
from desmos_fast.lots.transports.cft import CftTransport
from desmos_fast.lots.transports.port import Parcel

async def main():
    transport = CftTransport(sys.argv[1], "P", "I")
    print("ready", flush=True)
    for number in range(500):  # An orphan must not fill the disk.
        await transport.put(Parcel(f"{number:06d}.b2", bytes([number % 256]) * 500_000))

asyncio.run(main())
"""


def test_a_killed_sender_has_no_half_file_sent(folder: Path) -> None:
    for _ in range(5):
        sender = subprocess.Popen([sys.executable, "-c", SENDER, str(folder)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
        assert sender.stdout is not None
        with sender.stdout as told:
            assert told.readline() == b"ready\n"
            time.sleep(random.uniform(0.05, 0.15))
            sender.send_signal(signal.SIGKILL)
        sender.wait(30)
        named = {path.name.removesuffix(CONTROL) for path in folder.glob(f"*{CONTROL}")}
        whole = {path.name for path in folder.glob("*.b2")}
        assert named and named <= whole and len(whole - named) <= 1
        last = f"{len(named):06d}.b2"
        asyncio.run(CftTransport(folder, "P", "I").put(Parcel(last, bytes([len(named) % 256]) * 500_000)))
        assert len(collect(folder)) == len(named) + 1
        assert os.listdir(folder) == []
