# SPDX-License-Identifier: Apache-2.0
"""A real browser without a screen, driven over the protocol of its developer tools: what a page shows is what Chromium says it shows."""

import asyncio
import base64
import contextlib
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.05
FLAGS: Final = (
    "--headless=new", "--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-gpu", "--disable-dev-shm-usage",
    "--password-store=basic", "--use-mock-keychain", "--lang=fr", "--window-size=1280,900",
)  # fmt: skip


def program() -> str | None:
    """Return the browser of this machine, None when it has none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Tab:
    """One page."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        # What the page complained of: blocked by its policy, thrown, or written to the console.
        self.complaints: list[str] = []
        self._task = asyncio.create_task(self._hear())

    async def send(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Give one command, and return what comes of it."""
        number, future = next(self._numbers), asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self._ws.send_str(orjson.dumps({"id": number, "method": method, "params": params}).decode())
        async with asyncio.timeout(PATIENCE_S):
            told: dict[str, Any] = await future
        assert "error" not in told, (method, told)
        result: dict[str, Any] = told["result"]
        return result

    async def evaluate(self, script: str) -> Any:
        """Return what an expression is, once its promise is kept."""
        told = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState", lambda state: state == "complete")

    async def text(self, selector: str) -> str:
        """Return what can be read in an element; nothing where it is hidden."""
        return str(await self.evaluate(f"document.querySelector({orjson.dumps(selector).decode()})?.innerText.trim() ?? ''"))

    async def until(self, script: str, wanted: Any) -> Any:
        """Evaluate until the value is as wanted, and return it."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    with contextlib.suppress(AssertionError):
                        if wanted(found := await self.evaluate(script)):
                            return found
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"{script} stays {found!r}; the page complained of {self.complaints}") from None

    async def type(self, selector: str, text: str) -> None:
        """Type into a field, as a keyboard does."""
        await self.evaluate(f"document.querySelector({orjson.dumps(selector).decode()}).focus()")
        await self.send("Input.insertText", text=text)

    async def click(self, selector: str) -> None:
        """Press a button."""
        await self.evaluate(f"document.querySelector({orjson.dumps(selector).decode()}).click()")

    async def picture(self) -> bytes:
        """Return what the page looks like, as PNG."""
        return base64.b64decode((await self.send("Page.captureScreenshot", format="png"))["data"])

    async def _hear(self) -> None:
        async for message in self._ws:
            told = orjson.loads(message.data)
            if "id" in told:
                if not (future := self._waiting.pop(told["id"])).done():
                    future.set_result(told)
            elif told["method"] == "Log.entryAdded":
                self.complaints.append(told["params"]["entry"]["text"])
            elif told["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(told["params"]["exceptionDetails"]))
            elif told["method"] == "Runtime.consoleAPICalled":
                self.complaints.append(str([each.get("value") for each in told["params"]["args"]]))

    async def close(self) -> None:
        """Listen no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@contextlib.asynccontextmanager
async def browser(folder: Path, *flags: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Tab]:
    """Run a browser with a profile of its own, and give its page."""
    found = program()
    assert found is not None
    # Its sandbox refuses an administrator, as tests in a container are.
    extra = ("--no-sandbox",) if os.name == "posix" and os.geteuid() == 0 else ()
    process = await asyncio.create_subprocess_exec(
        found, *FLAGS, *extra, f"--user-data-dir={folder / 'profile'}", *flags, "about:blank",
        env={**os.environ, "HOME": str(folder), **(env or {})}, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        port = await _port(folder / "profile" / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                (page,) = [one for one in await reply.json() if one["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as ws:
                tab = Tab(ws)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.send(f"{domain}.enable")
                yield tab
                await tab.close()
    finally:
        # Its helpers go with it: they are all of one session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()


async def _port(path: Path, process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            assert process.returncode is None, "the browser ended"
            if (found := _told(path)) is not None:
                return found
            await asyncio.sleep(LOOK_S)


def _told(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
