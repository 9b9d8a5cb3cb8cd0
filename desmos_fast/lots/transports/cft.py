# SPDX-License-Identifier: Apache-2.0
"""The spool of a CFT monitor: each file, and once it is on disk a control file that tells the monitor to send it."""

import asyncio
from pathlib import Path
from typing import Final

from desmos_fast.lots.transports.directory import place
from desmos_fast.lots.transports.port import Parcel

CONTROL: Final = ".cft"


class CftTransport:
    """Puts each file with its control file in the spool; the monitor that takes them from there is another program."""

    def __init__(self, spool: Path | str, partner: str, idf: str) -> None:
        self.spool = Path(spool)
        self.partner = partner
        self.idf = idf

    async def put(self, parcel: Parcel) -> None:
        """Write the file, then its control file; see `Transport.put`."""
        await asyncio.to_thread(place, self.spool, parcel.name, parcel.content)
        # In this order: a control file that stands means that its file is whole. Who dies in between writes both again.
        await asyncio.to_thread(place, self.spool, parcel.name + CONTROL, self.control(parcel))

    def control(self, parcel: Parcel) -> bytes:
        """Return the control file: the parameters of a SEND command, one a line, and the digest of the file."""
        lines = {
            "PART": self.partner,
            "IDF": self.idf,
            "FNAME": str(self.spool / parcel.name),
            "NFNAME": parcel.name,
            "PARM": parcel.key,
            "SIZE": str(len(parcel.content)),
            "SHA256": parcel.sha256.hex(),
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items()).encode()
