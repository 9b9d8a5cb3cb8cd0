# SPDX-License-Identifier: Apache-2.0
"""One program, `desmos-fast`: each room adds its commands, this module joins them."""

import importlib
import sys
import traceback
from typing import Final

import typer

from desmos_fast.base.errors import DesmosError, InvalidInput
from desmos_fast.commands import groups

app = typer.Typer(
    name="desmos-fast",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Bill and collect for French health centres: acts to FSE, lots, returns, bank, ledger. Test profile, not agréé.",
)
GROUPS: Final = ("fse", "lots", "returns", "bank", "synth", "jobs", "centre", "key")
MODULES: Final = (
    "fse_encode", "fse_read", "lots", "returns", "bank", "reconcile", "synth", "service", "worker", "jobs", "identity",
    "invariants", "demo",
)  # fmt: skip

for _name in GROUPS:
    app.add_typer(getattr(groups, _name), name=_name)
for _name in MODULES:
    importlib.import_module(f"desmos_fast.commands.{_name}").register(app)


def main() -> None:
    """Run the command line; exit 0 done, 1 faulty input, 2 wrong usage, 3 something outside failed."""
    try:
        app(prog_name="desmos-fast")
    except DesmosError as error:
        print(f"desmos-fast: {error.detail}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        raise SystemExit(1 if isinstance(error, InvalidInput) else 3) from None
    except BrokenPipeError:
        raise SystemExit(3) from None
    except Exception as error:
        # The message of an error that nobody foresaw may hold anything, a NIR too: its kind and place are enough to find it.
        place = traceback.extract_tb(error.__traceback__)[-1]
        print(f"desmos-fast: a fault of this program: {type(error).__name__} in {place.filename}, line {place.lineno}", file=sys.stderr)
        raise SystemExit(3) from None


if __name__ == "__main__":
    main()
