# SPDX-License-Identifier: Apache-2.0
"""What people decide of matches, lines, credits and shares: kept in order, for ever, and never overruled by a run."""
