# SPDX-License-Identifier: Apache-2.0
"""A centre's day through the real service and database, as a user would run it."""
