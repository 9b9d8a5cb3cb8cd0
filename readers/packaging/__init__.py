# SPDX-License-Identifier: Apache-2.0
"""How the agent comes onto a workstation and leaves it: started at each sign-in of its user, and wiped with a proof."""
