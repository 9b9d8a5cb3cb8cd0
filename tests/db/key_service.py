# SPDX-License-Identifier: Apache-2.0
"""A key service on a port of this machine, as the contract of docs/operations.md says: HTTPS, certificates on both sides."""

import base64
import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.lots.transports.authority import Authority


class KeyService(ThreadingHTTPServer):
    """The service; it keeps its own key, and what it was asked with."""

    def __init__(self, authority: Authority) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cipher = AESGCM(os.urandom(32))
        self.asked: list[tuple[str, str]] = []
        self.status = 200
        pair = authority.pair("service")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate_file, pair.key_file)
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_REQUIRED
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a caller without our certificate go."""


class _Handler(BaseHTTPRequestHandler):
    server: KeyService

    def do_POST(self) -> None:
        """Wrap or unwrap one key."""
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, said["context"]))
        status, answer = self.server.status, {}
        context, cipher = said["context"].encode(), self.server.cipher
        if self.path == "/v1/wrap":
            nonce = os.urandom(12)
            sealed = nonce + cipher.encrypt(nonce, base64.b64decode(said["plaintext"]), context)
            answer = {"ciphertext": "k1:" + base64.b64encode(sealed).decode()}
        else:
            sealed = base64.b64decode(said["ciphertext"].removeprefix("k1:"))
            try:
                answer = {"plaintext": base64.b64encode(cipher.decrypt(sealed[:12], sealed[12:], context)).decode()}
            except InvalidTag:
                status = 403
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(authority: Authority) -> Iterator[KeyService]:
    """Give a service that runs."""
    service = KeyService(authority)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()
