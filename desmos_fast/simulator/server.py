# SPDX-License-Identifier: Apache-2.0
"""The concentrator as a server: it takes claim files over HTTPS from who has a certificate, each once however often it is given."""

import asyncio
import base64
import hashlib
import ssl
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.lots.transports.https import Receipt
from desmos_fast.lots.transports.port import BadTransportName, NameTaken, Parcel, TransportFailed

MOST_BYTES: Final = 256 << 20
FOLDER: Final = web.AppKey("folder", Path)


def make_concentrator(folder: Path) -> web.Application:
    """Return the server that puts what it is given in a folder.

    PUT /files/NAME with Content-Digest (SHA-256) and Idempotency-Key: 201 with a receipt, and the same again for the same bytes;
    409 for other bytes under a known name, 422 when the digest is not that of the content, 400 for what is missing.
    """
    app = web.Application(client_max_size=MOST_BYTES)
    app[FOLDER] = folder
    app.router.add_put("/files/{name}", _take)
    return app


def server_context(certificate: Path, key: Path, client_ca: Path) -> ssl.SSLContext:
    """Return TLS 1.2 or later that lets in nobody without a certificate of `client_ca`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(app: web.Application, host: str, port: int, context: ssl.SSLContext, stop: asyncio.Event) -> None:
    """Serve until `stop`."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=context).start()
        print(f"the concentrator listens on https://{host}:{runner.addresses[0][1]}/files", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


async def _take(request: web.Request) -> web.Response:
    content = await request.read()
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    said = request.headers.get("Content-Digest")
    if said is None or not request.headers.get("Idempotency-Key"):
        return _refusal(400, "Content-Digest and Idempotency-Key are needed")
    if said != f"sha-256=:{digest}:":
        return _refusal(422, "the content is not what its digest says")
    try:
        parcel = Parcel(request.match_info["name"], content)
        await DirectoryTransport(request.app[FOLDER]).put(parcel)
    except BadTransportName:
        return _refusal(400, "this is not the name of a file")
    except NameTaken:
        return _refusal(409, "another file was given under this name")
    except TransportFailed:
        return _refusal(503, "the file could not be kept")
    receipt = Receipt(parcel.name, parcel.sha256.hex())
    return web.Response(status=201, body=msgspec.json.encode(receipt), content_type="application/json")


def _refusal(status: int, detail: str) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode({"detail": detail}), content_type="application/problem+json")
