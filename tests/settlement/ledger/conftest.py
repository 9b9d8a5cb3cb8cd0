# SPDX-License-Identifier: Apache-2.0
from tests.db.conftest import place

__all__ = ("place",)
