# SPDX-License-Identifier: Apache-2.0
"""The scenarios, by name."""

from typing import Final

from loadtests.scenarios.model import Scenario
from loadtests.scenarios.opening import Opening

SCENARIOS: Final[dict[str, type[Scenario]]] = {kind.name: kind for kind in (Opening,)}
