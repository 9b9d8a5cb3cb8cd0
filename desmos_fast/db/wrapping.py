# SPDX-License-Identifier: Apache-2.0
"""Who wraps master keys: a key in another file, or a key service over HTTPS with certificates on both sides."""

import base64
import binascii
import http.client
import os
import ssl
import tomllib
from pathlib import Path
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desmos_fast.base.errors import InvalidInput, OutsideFailed
from desmos_fast.db.secrets import read_private

A = TypeVar("A")
CONTEXT: Final = "desmos-fast/1/"
TIMEOUT_S: Final = 5.0
LARGEST: Final = 65_536
NONCE: Final = 12


class KeysInvalid(InvalidInput):
    """The file that DESMOS_KEYS names does not say who wraps keys."""

    code = "invalid_input"


class WrapFailed(OutsideFailed):
    """Who wraps keys is away, refuses, or does not know what is given."""

    code = "outside_failed"


class Wrapper(Protocol):
    """Wraps keys, bound to their names, and gives them back."""

    def wrap(self, name: str, key: bytes) -> bytes:
        """Return a key as it may be kept. Raises WrapFailed."""

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Return the key again. Raises WrapFailed."""


class FileWrapper:
    """Wrap by AES-256-GCM under the 32 bytes of another file, which only we read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrap(self, name: str, key: bytes) -> bytes:
        """Return nonce, ciphertext and tag. Raises SecretUnreadable."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher().encrypt(nonce, key, (CONTEXT + name).encode())

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Return the key again. Raises WrapFailed, SecretUnreadable."""
        try:
            return self._cipher().decrypt(wrapped[:NONCE], wrapped[NONCE:], (CONTEXT + name).encode())
        except (InvalidTag, ValueError) as error:
            raise WrapFailed(f"{name} does not open with the key of {self._path}", hint="is it the file that wrapped it?") from error

    def _cipher(self) -> AESGCM:
        return AESGCM(read_private(self._path, 32))


class _Wrapped(msgspec.Struct):
    ciphertext: str


class _Unwrapped(msgspec.Struct):
    plaintext: str


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key service: its URL, our certificate and its key, and who signed the service's own."""

    url: str
    certificate: Path
    key: Path
    authority: Path


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key of 32 bytes in a file."""

    path: Path


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wraps keys: one of the two."""

    file: File | None = None
    service: Service | None = None


class ServiceWrapper:
    """Have a key service wrap: `POST <url>/wrap` and `/unwrap`, JSON, base64 (docs/operations.md)."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def wrap(self, name: str, key: bytes) -> bytes:
        """Return what the service made of the key. Raises WrapFailed."""
        said = {"context": CONTEXT + name, "plaintext": base64.b64encode(key).decode()}
        return self._ask("wrap", said, _Wrapped).ciphertext.encode()

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Return the key again. Raises WrapFailed."""
        said = {"context": CONTEXT + name, "ciphertext": wrapped.decode("ascii", "replace")}
        try:
            return base64.b64decode(self._ask("unwrap", said, _Unwrapped).plaintext, validate=True)
        except (binascii.Error, ValueError) as error:
            raise WrapFailed("the key service answered what is no base64") from error

    def _ask(self, what: str, said: dict[str, str], answer: type[A]) -> A:
        url = urlsplit(self._service.url)
        assert url.hostname is not None, "checked when it was read"
        try:
            context = ssl.create_default_context(cafile=str(self._service.authority))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self._service.certificate, self._service.key)
            line = http.client.HTTPSConnection(url.hostname, url.port or 443, timeout=TIMEOUT_S, context=context)
            try:
                body = msgspec.json.encode(said)
                line.request("POST", f"{url.path.rstrip('/')}/{what}", body, {"Content-Type": "application/json"})
                found = line.getresponse()
                text = found.read(LARGEST)
            finally:
                line.close()
        except (OSError, http.client.HTTPException) as error:
            # Neither the URL nor what was said: both could tell a key or where it lies.
            raise WrapFailed(f"the key service cannot be asked ({type(error).__name__})", hint="check it, and the certificates") from error
        if found.status != 200:
            raise WrapFailed(f"the key service answered {found.status} to {what}", hint="its own log says why")
        try:
            return msgspec.json.decode(text, type=answer)
        except msgspec.DecodeError as error:
            raise WrapFailed(f"the key service did not answer {what} as its contract says") from error


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise TypeError("a path is a text")
    return Path(value)


def open_wrapper(path: Path | None) -> Wrapper | None:
    """Return who wraps keys as a TOML file says, or None without one. Raises KeysInvalid."""
    if path is None:
        return None
    found = read_keys(path)
    if found.service is not None:
        return ServiceWrapper(found.service)
    assert found.file is not None, "one of the two is there"
    return FileWrapper(found.file.path)


def read_keys(path: Path) -> Keys:
    """Read a TOML file that says who wraps keys. Raises KeysInvalid."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Keys, dec_hook=_path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise KeysInvalid(f"{path} does not say who wraps keys: {error}", hint="see `Keys` in docs/operations.md") from error
    if (found.file is None) == (found.service is None):
        raise KeysInvalid(f"{path} has one table: [file] or [service]")
    if found.service is not None:
        url = urlsplit(found.service.url)
        if url.scheme != "https" or not url.hostname or url.query or url.fragment or url.username:
            raise KeysInvalid(f"{path}: service.url is https://host/…")
    return found
