# SPDX-License-Identifier: Apache-2.0
"""The scenarios, by name."""

from typing import Final

from loadtests.scenarios.model import Scenario
from loadtests.scenarios.month_end import MonthEnd
from loadtests.scenarios.neighbour import Neighbour
from loadtests.scenarios.night import Night
from loadtests.scenarios.opening import Opening
from loadtests.scenarios.payer import Payer
from loadtests.scenarios.slow import Slow
from loadtests.scenarios.storm import Storm
from loadtests.scenarios.year import Year

SCENARIOS: Final[dict[str, type[Scenario]]] = {kind.name: kind for kind in (Opening, Neighbour, Slow, Payer, Year, Night, MonthEnd, Storm)}
