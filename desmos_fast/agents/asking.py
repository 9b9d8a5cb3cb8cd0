# SPDX-License-Identifier: Apache-2.0
"""Have an agent look how its workstation is, from a process of the service or from a command."""

from typing import Final
from uuid import UUID

from desmos_fast.agents.model import AgentAway, ReaderAway, failure
from desmos_fast.agents.relay import Relay
from desmos_fast.agents.wire import LONGEST_READ_S, Examine, ReadFailed
from desmos_fast.base.types import uuid7

# A workstation of Windows starts two shells for it.
PATIENCE_S: Final = LONGEST_READ_S


async def examine(relay: Relay, agent: UUID, *, mobile: bool) -> None:
    """Return once what the agent found is kept. Raises AgentAway, CardFailed, DatabaseDown."""
    try:
        found = await relay.ask(agent, Examine(request=uuid7(), deadline_s=PATIENCE_S, mobile=mobile))
    except ReaderAway as error:
        raise AgentAway(error.detail) from error
    if isinstance(found, ReadFailed):
        raise failure(found.code)
