# SPDX-License-Identifier: Apache-2.0
"""Master keys of a test, and one rotation as a program of its own, to be killed."""

import asyncio
import hashlib
import sys

from desmos_fast.db.keyring import Keyring, KeyUse
from desmos_fast.settlement.rotation import service, store
from tests.invariants.lived import MASTER


class Numbered:
    """Any number of keys, the first of which is that of the lived days."""

    def load(self, number: int) -> bytes:
        """Return a key."""
        return hashlib.sha256(MASTER + number.to_bytes(4, "big")).digest() if number else MASTER

    def make(self, number: int) -> None:
        """Make nothing: all are there."""


def ring(use: KeyUse) -> Keyring:
    """Return a ring that knows which keys are in use."""
    made = Keyring(source=Numbered())
    made.follow(use)
    return made


async def main(dsn: str) -> None:
    """Change the key, ten rows at a time and slowly, and say of each step how far it is."""

    async def slowly(*args: object) -> bool:
        await asyncio.sleep(0.01)
        return await hold(*args)  # type: ignore[arg-type]

    hold, store.hold, service.BATCH = store.hold, slowly, 10  # type: ignore[misc, assignment]
    await service.rotate(dsn, Numbered(), lambda done, of: print(done, of, flush=True), grace_s=0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
