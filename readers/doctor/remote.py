# SPDX-License-Identifier: Apache-2.0
"""The doctor when the service asks: looks apart from the loop, and says no more than findings."""

import asyncio
from collections.abc import Callable

from desmos_fast.agents.wire import MOST_FINDINGS, Examine, Examined, FindingTold
from readers.doctor.model import Asked, Facts
from readers.doctor.probes import facts
from readers.doctor.rules import report
from readers.uplink_folder import Folder

LONGEST = 500


async def examined(asked: Examine, folder: Folder, look: Callable[[None, Folder], Facts] = facts) -> Examined:
    """Return how this workstation is."""
    made = report(await asyncio.to_thread(look, None, folder), Asked(mobile=asked.mobile))
    findings = tuple(
        FindingTold(point=one.point, subject=one.subject[:40], level=one.level, cause=one.cause[:LONGEST], action=one.action[:LONGEST])
        for one in made.findings[:MOST_FINDINGS]
    )
    return Examined(request=asked.request, verdict=made.verdict, findings=findings)
