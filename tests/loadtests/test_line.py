# SPDX-License-Identifier: Apache-2.0
"""The line of a centre: it takes its time, and passes what it is to pass."""

import asyncio
import os
import shutil
import socket
import subprocess
import time

import pytest

from loadtests.line import NEAR, NoLine, delaying, line
from tests.loadtests.test_driver import OK, service


async def test_the_proxy_passes_everything_on_later() -> None:
    async def answer(_: bytes) -> bytes:
        return OK

    async with service(answer) as target, delaying(target.port, 0.1, None, "127.0.0.1") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.perf_counter()
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 2)
        assert await reader.readexactly(2 * len(OK)) == 2 * OK
        # Once there and once back.
        assert time.perf_counter() - began >= 0.19
        writer.close()


@pytest.mark.fault
def test_a_shaped_line_passes_as_much_as_it_says() -> None:
    if os.geteuid() != 0 or not shutil.which("tc"):
        pytest.skip("a shaped line takes root and tc")
    send = (
        "import socket,time; s=socket.create_connection(('%s', %d)); b=time.perf_counter(); s.sendall(b'x'*500000);"
        " s.shutdown(1); s.recv(1); print(time.perf_counter()-b)"
    )
    with line(2000) as inside, socket.create_server((NEAR, 0)) as server:
        child = subprocess.Popen([*inside, "python3", "-c", send % (NEAR, server.getsockname()[1])], stdout=subprocess.PIPE, text=True)
        connection, _ = server.accept()
        with connection:
            while connection.recv(65536):
                pass
        took = float(child.communicate(timeout=60)[0])
    # Half a megabyte takes two seconds.
    assert 1.9 < took < 20
    assert "desmos-line" not in subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout


def test_without_the_rights_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoLine, match="takes root"), line(2000):
        pass
