# SPDX-License-Identifier: Apache-2.0
"""What was sent and what came back is kept."""

from pathlib import Path

import pytest

from desmos_fast.db.tenant import transaction
from tests.api.conftest import Desk
from tests.api.post import send_and_answer, sign
from tests.api.test_follow import look
from tests.api.test_returns import found


async def test_nothing_deletes_what_was_sent_or_came_back(desk: Desk, tmp_path: Path) -> None:
    """Electronic doubles and their answers are kept for 90 days at least: the role that serves cannot delete, nor change what they say."""
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    await found(desk, said.arl[0])
    await look(desk, "30")
    for table in ("file", "return_file", "lot", "lot_share", "stage_total", "dead_ack", "anomaly", "event"):
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(Exception, match="permission denied"):
                async with transaction(desk.house.pool, desk.tenant) as con:
                    await con.execute(statement)
    for change in ("file SET sealed = ''", "file SET sha256 = sha256", "return_file SET sealed = ''", "stage_total SET claims = 0"):
        with pytest.raises(Exception, match="permission denied"):
            async with transaction(desk.house.pool, desk.tenant) as con:
                await con.execute(f"UPDATE {change}")
    assert (await desk.count("file"), await desk.count("return_file")) == (1, 1)
