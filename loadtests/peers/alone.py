# SPDX-License-Identifier: Apache-2.0
"""The same service with a transaction for each request: `python -m loadtests.peers.alone serve …`.

Nothing else is changed: what waits is taken one by one, so checks, exchanges with the database and connections are those of the service.
"""

from api import lanes


def main() -> None:
    """Run the program with it."""
    from desmos_fast.cli import app

    setattr(lanes, "MOST_AT_ONCE", 1)  # noqa: B010  # a constant, which may not be set
    app()


if __name__ == "__main__":
    main()
