# SPDX-License-Identifier: Apache-2.0
"""The defects that are planted on purpose can still be planted."""

import pytest

from tests.fault.defects import DEFECTS, ROOT, Defect


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_text_that_a_defect_replaces_stands_once(defect: Defect) -> None:
    """Who changes such a line changes tests/fault/defects.py with it."""
    for edit in defect.edits:
        text = (ROOT / edit.path).read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, edit
        assert edit.new not in text or edit.new in edit.old
