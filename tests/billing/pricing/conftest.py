# SPDX-License-Identifier: Apache-2.0
"""Each test that asks for `price` is run with the kernel and with its twin."""

import pytest

from tests.billing.pricing.engines import ENGINES, Engine


@pytest.fixture(params=ENGINES)
def price(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]
