# SPDX-License-Identifier: Apache-2.0
import pytest

from desmos_fast.db.embedded import Cluster
from desmos_fast.db.migrate import NotOwner, migrate


async def test_the_role_that_serves_may_not_migrate(cluster: Cluster) -> None:
    with pytest.raises(NotOwner, match="permission denied") as refused:
        await migrate(cluster.app_dsn("desmos"))
    assert "DESMOS_OWNER_DSN" in refused.value.hint
