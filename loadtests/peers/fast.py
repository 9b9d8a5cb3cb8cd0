# SPDX-License-Identifier: Apache-2.0
"""FastAPI on uvicorn, where they are installed: a body decoded to a dictionary, a ready answer: `python -m loadtests.peers.fast`."""

import importlib
import socket
from typing import Any


def main() -> None:
    """Serve until killed, on any port, which is told."""
    # Neither is asked for by anything here: who has them sees the race.
    fastapi, uvicorn = importlib.import_module("fastapi"), importlib.import_module("uvicorn")
    app = fastapi.FastAPI()

    @app.post("/v1/quotes")  # type: ignore[untyped-decorator]
    async def answer(body: dict[str, Any]) -> dict[str, str]:
        assert body["acts"]
        return {"made_on": "2026-11-25"}

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, loop="uvloop"))
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
