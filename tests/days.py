# SPDX-License-Identifier: Apache-2.0
"""The day that the service takes for today: that of Paris, read anew at each call, for a run of the tests may pass midnight."""

from datetime import date

from desmos_fast.base.clock import paris_date, system_clock


def today() -> date:
    """Return the day in Paris."""
    return paris_date(system_clock())
