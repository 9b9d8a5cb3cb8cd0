# SPDX-License-Identifier: Apache-2.0
"""A migrated database for each module that asks for one; its tests share it and each has centres of its own."""

from collections.abc import Iterator

import pytest

from desmos_fast.db.embedded import Cluster
from tests.db.databases import Place, empty


@pytest.fixture(scope="module")
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield made
