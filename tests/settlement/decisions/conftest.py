# SPDX-License-Identifier: Apache-2.0
"""A centre whose decisions are asked for over HTTP, as everywhere, and looked at beside the service."""

import pytest

from tests.api.conftest import Desk, desk, house, served
from tests.settlement.centre import Centre

__all__ = ["desk", "house", "served"]


@pytest.fixture
def centre(desk: Desk) -> Centre:
    return Centre(desk)
