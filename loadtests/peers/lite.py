# SPDX-License-Identifier: Apache-2.0
"""Litestar on Granian, where they are installed: a body decoded to a dictionary, a ready answer: `python -m loadtests.peers.lite`.

Granian starts its workers itself, so the port is chosen first and told once one of them listens.
"""

import importlib
import socket
import threading
import time
from typing import Any


def make_app() -> Any:
    """Return the application that a worker serves."""
    litestar = importlib.import_module("litestar")

    @litestar.post("/v1/quotes", status_code=200)  # type: ignore[untyped-decorator]
    async def answer(data: dict[str, Any]) -> dict[str, str]:
        assert data["acts"]
        return {"made_on": "2026-11-25"}

    return litestar.Litestar([answer], openapi_config=None, logging_config=None)


def main() -> None:
    """Serve until killed, on any port, which is told."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    granian = importlib.import_module("granian")
    names = importlib.import_module("granian.constants")
    server = granian.Granian(
        "loadtests.peers.lite:make_app", "127.0.0.1", port, interface=names.Interfaces.ASGI, loop=names.Loops.uvloop,
        log_enabled=False, factory=True, workers=1, backlog=1024,
    )  # fmt: skip
    threading.Thread(target=_tell, args=(port,), daemon=True).start()
    server.serve()


def _tell(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            print(f"http://127.0.0.1:{port}", flush=True)
            return


if __name__ == "__main__":
    main()
