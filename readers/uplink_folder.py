# SPDX-License-Identifier: Apache-2.0
"""The folder of an agent: the key that never leaves it, its certificate, which service it belongs to."""

import contextlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from desmos_fast.agents.wire import PURPOSE
from desmos_fast.base.errors import InvalidInput, OutsideFailed

NAME: Final = "desmos-agent"
IDENTITY: Final = "identity.pem"
SERVICE: Final = "service.json"
QUEUE: Final = "outbox.sqlite3"
QUEUE_KEY: Final = "outbox.key"
KEY_BYTES: Final = 32
LARGEST: Final = 65_536
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_HASH: Final = hashes.SHA256()


class BadService(InvalidInput):
    """The address of the service cannot be used."""

    code = "invalid_input"


class FolderUnsound(OutsideFailed):
    """The folder of the agent is missing something, or is open to others."""

    code = "outside_failed"


class Service(msgspec.Struct, frozen=True):
    """Which service the agent belongs to, and as whom."""

    url: str
    agent: str
    desk: str


class Identity(NamedTuple):
    """A key and its certificate, of which `renew_at` is two thirds of the way from its beginning to its end."""

    key: ec.EllipticCurvePrivateKey
    certificate: str
    renew_at: datetime
    ends_at: datetime

    def prove(self, nonce: bytes) -> bytes:
        """Return what proves that this agent answers a challenge."""
        return self.key.sign(PURPOSE + nonce, ec.ECDSA(_HASH))


def check_url(url: str) -> str:
    """Return the address of a service without a slash at its end: https, or http on this very machine. Raises BadService."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise BadService("the service has an address that begins with https://", hint="http:// is for this machine alone")
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise BadService("the address of the service is its host, and a path where it has one")
    return url.rstrip("/")


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key."""
    return ec.generate_private_key(ec.SECP256R1())


def request_for(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a request for the certificate of a key; the service alone says whose it is."""
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, _HASH).public_bytes(Encoding.PEM).decode()


def read_identity(pem: bytes) -> Identity:
    """Return a key and its certificate. Raises FolderUnsound."""
    try:
        key = load_pem_private_key(pem, None)
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, TypeError) as error:
        raise FolderUnsound(f"{IDENTITY} holds no key and certificate", hint="enrol again") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise FolderUnsound(f"the certificate in {IDENTITY} is of another key", hint="enrol again")
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Identity(key, certificate.public_bytes(Encoding.PEM).decode(), begins + (ends - begins) * 2 / 3, ends)


class Folder:
    """One folder, which nobody else reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder. Raises FolderUnsound when others may look into it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix" and stat.S_IMODE(self.path.stat().st_mode) & 0o077:
            raise FolderUnsound(f"{self.path} is open to others", hint=f"chmod 700 {self.path}")

    def keep(self, key: ec.EllipticCurvePrivateKey, certificate: str) -> Identity:
        """Keep a key with its certificate, in the place of those before, or neither of them. Raises FolderUnsound."""
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.encode()
        identity = read_identity(pem)
        self.write(IDENTITY, pem)
        return identity

    def identity(self) -> Identity:
        """Return the key and its certificate. Raises FolderUnsound."""
        return read_identity(self.read(IDENTITY))

    def service(self) -> Service:
        """Return which service the agent belongs to. Raises FolderUnsound."""
        try:
            return msgspec.json.decode(self.read(SERVICE), type=Service)
        except msgspec.MsgspecError as error:
            raise FolderUnsound(f"{SERVICE} cannot be read", hint="enrol again") from error

    def queue_key(self) -> bytes:
        """Return the key of the queue, made at the first call. Raises FolderUnsound."""
        if not (self.path / QUEUE_KEY).exists():
            self.write(QUEUE_KEY, os.urandom(KEY_BYTES))
        return self.read(QUEUE_KEY)

    def write(self, name: str, value: bytes) -> None:
        """Write a file whole, for its owner alone, in the place of the one before."""
        temporary = self.path / f".{name}.{os.urandom(6).hex()}"
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(value)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path / name)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        self._sync()

    def read(self, name: str) -> bytes:
        """Return a file that its owner alone may read. Raises FolderUnsound."""
        path = self.path / name
        try:
            with path.open("rb") as file:
                if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise FolderUnsound(f"{path} is open to others", hint=f"is it known to them? then enrol again, else chmod 600 {path}")
                return file.read(LARGEST)
        except OSError as error:
            raise FolderUnsound(
                f"{path} cannot be read: {error.strerror}", hint="enrol the workstation: desmos-fast agent enrol"
            ) from error

    def _sync(self) -> None:
        # Where a folder cannot be opened its names cannot be waited for either.
        if os.name == "posix":
            handle = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def default_folder() -> Path:
    """Return where the agent of this user keeps what is its own."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / NAME
    shared = os.environ.get("XDG_DATA_HOME", "")
    return (Path(shared) if shared.startswith("/") else Path.home() / ".local" / "share") / NAME


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)
