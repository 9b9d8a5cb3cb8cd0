# SPDX-License-Identifier: Apache-2.0
"""`openapi`: the description of the HTTP API."""

from typing import Annotated

import typer

from desmos_fast.commands.common import atomic_output


def register(app: typer.Typer) -> None:
    """Add this room's commands to the program."""
    app.command()(openapi)


def openapi(
    output: Annotated[str, typer.Option("-o", "--output", help="Write it to this file; - is standard output.")] = "-",
) -> None:
    """Write the OpenAPI 3.1 description that the service gives at /v1/openapi.json."""
    import orjson

    from api.app import described

    written = orjson.dumps(described(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    with atomic_output(output) as target:
        target.write(written)
