# SPDX-License-Identifier: Apache-2.0
"""The channel that a page in a browser of this very workstation opens to the agent."""
