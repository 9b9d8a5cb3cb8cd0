# SPDX-License-Identifier: Apache-2.0
"""Keys, certificates and passwords of transports, read from the files that settings name; what they hold is in no error."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from desmos_fast.base.clock import system_clock
from desmos_fast.lots.transports.port import BadTransportKey

T = TypeVar("T")
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
SHORTEST_RSA: Final = 2048


def read_secret(path: str) -> bytes:
    """Return the content of a file that nobody but its owner and group may read. Raises BadTransportKey."""
    try:
        mode = Path(path).stat().st_mode
        if stat.S_IMODE(mode) & 0o007:
            hint = f"chmod 600 {path}, and make a new secret if others may have seen it"
            raise BadTransportKey(f"{path} is open to everybody", hint=hint)
        return read_public(path)
    except OSError as error:
        raise BadTransportKey(f"{path} cannot be read: {error.strerror}", hint="check the path, its rights and its owner") from error


def read_public(path: str) -> bytes:
    """Return the content of a file. Raises BadTransportKey."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadTransportKey(f"{path} cannot be read: {error.strerror}", hint="check the path, its rights and its owner") from error


def password(path: str) -> str:
    """Return the one line of a file. Raises BadTransportKey."""
    try:
        lines = read_secret(path).decode().splitlines()
    except UnicodeDecodeError as error:
        raise BadTransportKey(f"{path} is no UTF-8 text", hint="write the password as its one line") from error
    if len(lines) != 1 or not lines[0]:
        raise BadTransportKey(f"{path} has {len(lines)} lines", hint="write the password as its one line")
    return lines[0]


def private_key(path: str) -> PrivateKey:
    """Return an RSA or elliptic key. Raises BadTransportKey."""
    secret = read_secret(path)
    key = parsed(path, lambda: load_pem_private_key(secret, None), "a PEM private key without a passphrase")
    if not isinstance(key, PrivateKey):
        raise BadTransportKey(f"{path} holds a key of another kind", hint="use an RSA or an elliptic key")
    return key


def certificate(path: str) -> x509.Certificate:
    """Return a certificate that is in force. Raises BadTransportKey."""
    content = read_public(path)
    found = parsed(path, lambda: x509.load_pem_x509_certificate(content), "a PEM certificate")
    now = system_clock()
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        raise BadTransportKey(
            f"{path} is a certificate from {found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}",
            hint="have it renewed",
        )
    return found


def rsa_certificate(path: str) -> x509.Certificate:
    """Return a certificate that messages are encrypted for. Raises BadTransportKey."""
    found = certificate(path)
    key = found.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SHORTEST_RSA:
        raise BadTransportKey(f"{path} has no RSA key of {SHORTEST_RSA} bits or more", hint="ask the recipient for one that has")
    return found


def authorities(path: str) -> list[x509.Certificate]:
    """Return the certificates of a file, one at least. Raises BadTransportKey."""
    content = read_public(path)
    return parsed(path, lambda: x509.load_pem_x509_certificates(content), "PEM certificates")


def pair(certificate_path: str, key_path: str) -> tuple[x509.Certificate, PrivateKey]:
    """Return a certificate and its key. Raises BadTransportKey."""
    found, key = certificate(certificate_path), private_key(key_path)
    if found.public_key() != key.public_key():
        raise BadTransportKey(f"{key_path} is not the key of {certificate_path}", hint="give the two that were made together")
    return found, key


def parsed(path: str, parse: Callable[[], T], what: str) -> T:
    """Return what a file holds once it is read. Raises BadTransportKey."""
    try:
        return parse()
    # The library has many words for one thing: this is not what it was said to be.
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise BadTransportKey(f"{path} is not {what}", hint=f"give {what}") from error
