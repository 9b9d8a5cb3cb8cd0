# SPDX-License-Identifier: Apache-2.0
"""A migrated database for each test that asks for one: national tables belong to no centre, so tests cannot share them."""

from collections.abc import Iterator

import pytest

from desmos_fast.db.embedded import Cluster
from tests.db.databases import Place, empty


@pytest.fixture
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield made
