# SPDX-License-Identifier: Apache-2.0
"""What matching and people said, looked through: records and decisions, the newest first, and one record with all that led to it."""
