# SPDX-License-Identifier: Apache-2.0
"""Webhooks that nobody takes: what is told of that comes to an end."""

import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.db.journal import Event
from tests.api.conftest import Desk
from tests.api.post import events
from tests.api.receiver import Receiver
from tests.api.test_webhooks import any_host, authority, deliver, happen, receiver, subscribe, told_states
from tests.lots.transports.authority import Authority

__all__ = ["any_host", "authority", "receiver"]

pytestmark = pytest.mark.usefixtures("empty_queue")


async def test_webhooks_that_are_all_dead_tell_each_other_no_more_than_once(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    # In the end they take everything, so that this ends whatever they are told.
    receiver.fate = lambda _message, _before: "refuse" if len(receiver.seen) < 200 else "take"
    for _ in range(3):
        await subscribe(desk, receiver.url, "x.first", "webhook.dead")
    await happen(desk, Event("x.first", uuid7()))
    await deliver(desk, authority)
    assert await told_states(desk) == [("dead",)] * (3 + 3 * 2)
    assert len(await events(desk, "webhook.dead")) == 3
