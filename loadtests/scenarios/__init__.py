# SPDX-License-Identifier: Apache-2.0
"""Days that a service must live through, played by the clock whatever becomes of it: `python -m loadtests.scenarios`."""
