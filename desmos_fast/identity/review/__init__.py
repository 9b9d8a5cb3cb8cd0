# SPDX-License-Identifier: Apache-2.0
"""Which rights nobody uses."""
