# SPDX-License-Identifier: Apache-2.0
"""Requests whose end two readers might see at different places, as raw bytes. Behind what should be one request each hides another one.

`REFUSED` must not reach the application and end the connection; `ONE` are sound, if odd, and are one request.
"""

from typing import Final

HIDDEN: Final = "GET /hidden HTTP/1.1\r\nHost: t\r\n\r\n"
POST: Final = "POST /v1/invoices HTTP/1.1\r\nHost: t\r\n"
LONG: Final = "9" * 30


def _sized(length: str, body: str = HIDDEN) -> str:
    return f"{POST}Content-Length: {length}\r\n\r\n{body}"


def _coded(*headers: str, body: str = "0\r\n\r\n" + HIDDEN) -> str:
    return f"{POST}{''.join(header + chr(13) + chr(10) for header in headers)}\r\n{body}"


def _chunked(body: str) -> str:
    return _coded("Transfer-Encoding: chunked", body=body)


REFUSED: Final[dict[str, str]] = {
    # Two ways of saying how long it is.
    "length and chunks": _coded("Content-Length: 4", "Transfer-Encoding: chunked"),
    "chunks and length": _coded("Transfer-Encoding: chunked", "Content-Length: 4"),
    "two lengths": _coded("Content-Length: 0", "Content-Length: 33", body=HIDDEN),
    "two equal lengths": _coded("Content-Length: 0", "Content-Length: 0", body=HIDDEN),
    "lengths in a list": _sized("0, 33"),
    "equal lengths in a list": _sized("0, 0"),
    # Lengths that are none.
    "signed length": _sized("+0"),
    "negative length": _sized("-1"),
    "hexadecimal length": _sized("0x0"),
    "length with a space": _sized("0 0"),
    "length with an underscore": _sized("1_0"),
    "empty length": _sized(""),
    "huge length": _sized(LONG),
    "length of other digits": _sized("\u0660"),
    # Codings that are none, or are written so that one reader sees them and another does not.
    "unknown coding": _coded("Transfer-Encoding: xchunked"),
    "coding after chunks": _coded("Transfer-Encoding: chunked, identity"),
    "chunks not last": _coded("Transfer-Encoding: chunked, gzip"),
    "chunks twice": _coded("Transfer-Encoding: chunked, chunked"),
    "two codings": _coded("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "two codings, one unknown": _coded("Transfer-Encoding: chunked", "Transfer-Encoding: x"),
    "identity": _coded("Transfer-Encoding: identity"),
    "empty coding": _coded("Transfer-Encoding: "),
    "quoted coding": _coded('Transfer-Encoding: "chunked"'),
    "coding with a vertical tab": _coded("Transfer-Encoding: \x0bchunked"),
    "coding with a null": _coded("Transfer-Encoding: chunked\x00"),
    "space before the colon": _coded("Transfer-Encoding : chunked"),
    "tab before the colon": _coded("Content-Length\t: 0"),
    "coding on a folded line": _coded("Transfer-Encoding:\r\n chunked"),
    "chunks in HTTP/1.0": _chunked("0\r\n\r\n" + HIDDEN).replace("HTTP/1.1", "HTTP/1.0", 1),
    # Lines.
    "folded header": _coded("X-One: 1", " Content-Length: 0"),
    "folded first header": "GET /livez HTTP/1.1\r\n Host: t\r\n\r\n" + HIDDEN,
    "bare line feeds": (POST + "Content-Length: 0\r\n\r\n").replace("\r\n", "\n") + HIDDEN,
    "bare line feed in a header": _coded("X-One: 1\nTransfer-Encoding: chunked"),
    "bare carriage return": _coded("X-One: 1\rContent-Length: 0"),
    "null in a name": _coded("Content-Length\x00: 0"),
    "null in a value": _coded("X-One: \x00"),
    "no colon": _coded("Content-Length 0"),
    "no name": _coded(": 0"),
    # The line of the request.
    "two hosts": f"GET /livez HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n{HIDDEN}",
    "version of two digits": f"GET /livez HTTP/1.10\r\nHost: t\r\n\r\n{HIDDEN}",
    "preface of HTTP/2": f"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{HIDDEN}",
    "no version": f"GET /livez\r\n\r\n{HIDDEN}",
    "tabs": f"GET\t/livez\tHTTP/1.1\r\nHost: t\r\n\r\n{HIDDEN}",
    "two targets": f"GET /livez /hidden HTTP/1.1\r\nHost: t\r\n\r\n{HIDDEN}",
    "space before the method": f" GET /livez HTTP/1.1\r\nHost: t\r\n\r\n{HIDDEN}",
    # Chunks.
    "chunk of no size": _chunked("\r\n\r\n" + HIDDEN),
    "chunk of a signed size": _chunked("+0\r\n\r\n" + HIDDEN),
    "chunk of a negative size": _chunked("-1\r\n\r\n" + HIDDEN),
    "chunk of a marked size": _chunked("0x0\r\n\r\n" + HIDDEN),
    "chunk of an underscored size": _chunked("0_0\r\n\r\n" + HIDDEN),
    "chunk of a huge size": _chunked("FFFFFFFFFFFFFFFFFF\r\n" + HIDDEN),
    "chunk that overflows": _chunked("10000000000000000\r\n" + HIDDEN),
    "chunk and a bare line feed": _chunked("0\n\n" + HIDDEN),
    "chunk longer than said": _chunked("1\r\nxx\r\n0\r\n\r\n" + HIDDEN),
    "chunk without its end": _chunked("1\r\nx0\r\n\r\n" + HIDDEN),
    "extension with a line feed": _chunked("1;a\nb\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "extension with a carriage return": _chunked("1;a\rb\r\nx\r\n0\r\n\r\n" + HIDDEN),
    "size with a space": _chunked("1 \r\nx\r\n0\r\n\r\n" + HIDDEN),
    "length in a trailer": _chunked("0\r\nContent-Length: 0\r\n\r\n" + HIDDEN),
    "coding in a trailer": _chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN),
    "folded trailer": _chunked("0\r\nX-One: 1\r\n two\r\n\r\n" + HIDDEN),
}
ONE: Final[dict[str, str]] = {
    "a request inside a body": _sized(str(len(HIDDEN))),
    "a request inside the body of a GET": f"GET /livez HTTP/1.1\r\nHost: t\r\nContent-Length: {len(HIDDEN)}\r\n\r\n{HIDDEN}",
    "a request inside a chunk": _chunked(f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
    "a chunk in capitals": _coded("TRANSFER-ENCODING: CHUNKED", body=f"{len(HIDDEN):X}\r\n{HIDDEN}\r\n0\r\n\r\n"),
    "zeros before a size": _chunked(f"000{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
    "an extension": _chunked(f"{len(HIDDEN):x};a=b\r\n{HIDDEN}\r\n0\r\n\r\n"),
    "an upgrade with a body": f"{POST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: {len(HIDDEN)}\r\n\r\n{HIDDEN}",
    "an upgrade to HTTP/2": f"{POST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: {len(HIDDEN)}\r\n\r\n{HIDDEN}",
    "a request that asks before it sends": f"{POST}Expect: 100-continue\r\nContent-Length: {len(HIDDEN)}\r\n\r\n{HIDDEN}",
    "an empty line before it": f"\r\n{_sized(str(len(HIDDEN)))}",
}
