# SPDX-License-Identifier: Apache-2.0
"""Databases as those of the tests of the database room."""

from tests.db.conftest import place

__all__ = ["place"]
