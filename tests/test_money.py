# SPDX-License-Identifier: Apache-2.0
"""Money is whole cents: no float type, literal or true division where amounts are priced, matched, billed or written."""

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
ROOMS: Final = ("settlement", "billing", "lots", "returns")
# These wait, and know seconds; what they know of money is looked at too.
ROTATION: Final = "settlement/rotation/"
# Counts requests and their seconds.
SECONDS: Final = frozenset({"tally.pyx"})
WAITING: Final = ("jobs.py", "gate.py", "recipients/", "schedule/", "transports/", "follow/jobs.py", "follow/model.py", "follow/service.py")
MONEY: Final = frozenset({"Cents", "fees", "amo", "amc", "amount", "cents", "total", "debit", "credit"})
FLOATS: Final = frozenset({"float", "round", "Decimal", "Fraction", "double", "complex"})


def floats(source: str) -> list[str]:
    """Return what makes or names a float in a source: the type, `round`, a number with a point, a division that is not of a path."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in FLOATS:
            found.append(f"{node.lineno}: {node.id}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{node.lineno}: {node.value}")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            if not (isinstance(node.right, ast.Constant) and isinstance(node.right.value, str)):
                found.append(f"{node.lineno}: /")
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{node.lineno}: /=")
    return found


def kernel_floats(source: str) -> list[str]:
    """Return the same of a kernel, which only reads like Python; what is C in it stands in a text and is looked at by its words."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [f"{token.start[0]}: {token.string.split()[0]}" for token in tokens if _is_float(token)]


def _is_float(token: tokenize.TokenInfo) -> bool:
    match token.type:
        case tokenize.NAME:
            return token.string in FLOATS
        case tokenize.NUMBER:
            return re.search(r"\.|^\d[\d_]*[eE]|[jJ]$", token.string) is not None
        case tokenize.OP:
            return token.string in ("/", "/=")
        case tokenize.STRING:
            return "#include" in token.string and re.search(r"\b(double|float)\b", token.string) is not None
    return False


def waits(path: Path) -> bool:
    inside = path.relative_to(ROOT / "desmos_fast").as_posix()
    return inside.startswith((ROTATION, *(f"lots/{name}" for name in WAITING)))


def sources() -> list[Path]:
    rooms = [path for room in ROOMS for path in sorted((ROOT / "desmos_fast" / room).rglob("*.py"))]
    return [*rooms, ROOT / "desmos_fast/base/ledger.py", ROOT / "desmos_fast/base/types.py"]


def told(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_no_float_is_where_money_is() -> None:
    looked_at = [path for path in sources() if not waits(path)]
    assert len(looked_at) > 80
    assert {str(path): found for path in looked_at if (found := floats(told(path)))} == {}


def test_what_waits_knows_no_amount() -> None:
    looked_at = [path for path in sources() if waits(path) and floats(told(path))]
    assert looked_at
    for path in looked_at:
        lines = told(path).splitlines()
        for found in floats(told(path)):
            assert not MONEY & set(re.findall(r"\w+", lines[int(found.split(":")[0]) - 1])), (path.name, found)


def test_no_float_is_in_a_kernel() -> None:
    kernels = sorted([*(ROOT / "ext").glob("*.pyx"), *(ROOT / "ext").glob("*.pxd")])
    assert len(kernels) > 40
    looked_at = [path for path in kernels if path.name not in SECONDS]
    assert {path.name: found for path in looked_at if (found := kernel_floats(told(path)))} == {}


def test_no_query_makes_a_float_of_money() -> None:
    # The seconds that a key or a session has left are no money.
    apart = ("schema.sql", "0024_pre_access.sql", "0027_pre_people.sql")
    queries = [path for path in sorted((ROOT / "desmos_fast").rglob("*.sql")) if path.name not in apart]
    assert len(queries) > 20
    words = re.compile(r"\b(double precision|float\d?|real|numeric|decimal|avg)\b", re.IGNORECASE)
    assert {path.name: words.findall(told(path)) for path in queries if words.search(told(path))} == {}


@pytest.mark.parametrize("source", ["a = 1.0", "a = b / c", "a /= 2", "a: float = b", "a = round(b)", "a = 1e3"])
def test_a_float_would_be_seen(source: str) -> None:
    assert len(floats(source)) == 1
    assert len(kernel_floats(source)) == 1


@pytest.mark.parametrize("source", ["a = b // c", 'a = folder / "sql"', "a = 1_000", "a = 0x1e3"])
def test_whole_numbers_and_paths_are_none(source: str) -> None:
    assert floats(source) == []


def test_c_in_a_kernel_is_looked_at() -> None:
    text = '"""\n    #include <math.h>\n    static double half(int a);\n"""'
    assert len(kernel_floats(f"cdef extern from *:\n    {text}\n")) == 1
