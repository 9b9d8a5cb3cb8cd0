# SPDX-License-Identifier: Apache-2.0
"""The house's own authority: it signs the certificates of agents and knows them again. Nothing else trusts it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from desmos_fast.agents.model import AgentRefused, Unproven
from desmos_fast.agents.tickets import Ticket, sign
from desmos_fast.agents.wire import PURPOSE
from desmos_fast.base.clock import system_clock
from desmos_fast.base.errors import OurBug
from desmos_fast.db import secrets

SECRET: Final = "agent_authority"
LIFE: Final = timedelta(days=30)
# A workstation whose clock is a little late must not find its certificate of tomorrow.
SLACK: Final = timedelta(minutes=10)
OWN_LIFE: Final = timedelta(days=3650)
_HASH: Final = hashes.SHA256()


class Issued(NamedTuple):
    """A certificate that was signed: PEM, its serial number in hex, its end."""

    pem: str
    serial: str
    ends_at: datetime


class Shown(NamedTuple):
    """What a certificate of ours says: whose it is, and the key that proves it."""

    tenant: UUID
    agent: UUID
    serial: str
    key: ec.EllipticCurvePublicKey
    ends_at: datetime


class Authority:
    """A key and its certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key, self._certificate = key, certificate

    def issue(self, csr: x509.CertificateSigningRequest, tenant: UUID, agent: UUID, now: datetime) -> Issued:
        """Sign a certificate for the key of a request; what else the request says counts for nothing."""
        key = csr.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise OurBug("a request that was not checked is to be signed")
        subject = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, str(tenant)), x509.NameAttribute(NameOID.COMMON_NAME, str(agent))]
        )
        made = (
            _builder(subject, self._certificate.subject, key, now, now + LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, _HASH)
        )
        return Issued(made.public_bytes(Encoding.PEM).decode(), f"{made.serial_number:x}", made.not_valid_after_utc)

    def ticket(self, ticket: Ticket) -> str:
        """Sign a ticket for a page."""
        return sign(ticket, self._key)

    @property
    def ticket_key(self) -> str:
        """Return the key (PEM) that its tickets are checked by."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def read(self, pem: str, now: datetime) -> Shown:
        """Return what a certificate says that this authority signed and that lasts. Raises Unproven."""
        try:
            shown = x509.load_pem_x509_certificate(pem.encode())
            shown.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise Unproven("the certificate is none of this service") from error
        if not shown.not_valid_before_utc - SLACK <= now < shown.not_valid_after_utc:
            raise Unproven("the certificate has ended: enrol the workstation again")
        key = shown.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise Unproven("the certificate is not one of an agent")
        tenant, agent = _named(shown, NameOID.ORGANIZATION_NAME), _named(shown, NameOID.COMMON_NAME)
        return Shown(tenant, agent, f"{shown.serial_number:x}", key, shown.not_valid_after_utc)


def _named(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> UUID:
    found = certificate.subject.get_attributes_for_oid(oid)
    try:
        return UUID(str(found[0].value))
    except (IndexError, ValueError) as error:
        # The authority signs itself too, and that certificate is nobody's.
        raise Unproven("the certificate is not one of an agent") from error


def check_proof(shown: Shown, nonce: bytes, signature: bytes) -> None:
    """Refuse a nonce that the key of a certificate did not sign. Raises Unproven."""
    try:
        shown.key.verify(signature, PURPOSE + nonce, ec.ECDSA(_HASH))
    except InvalidSignature as error:
        raise Unproven("the proof is not by the key of the certificate") from error


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """Return a request for a certificate, for a key on P-256 that signed it. Raises AgentRefused."""
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        key = csr.public_key()
        sound = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) and csr.is_signature_valid
    except (ValueError, TypeError) as error:
        raise AgentRefused("the request for a certificate cannot be read") from error
    if not sound:
        raise AgentRefused("a request for a certificate is for a key on P-256, and signed by it")
    return csr


def open_authority(data_dir: Path) -> Authority:
    """Return the authority that is kept with the other secrets of the house, made at the first call. Raises SecretUnreadable."""
    kept = secrets.found(data_dir, SECRET)
    if kept is None:
        # Of several programs that make one, the first wins.
        secrets.put(data_dir, SECRET, _new(system_clock()))
        kept = secrets.found(data_dir, SECRET)
    if kept is None:
        raise OurBug("the authority that was kept is not there")
    key = load_pem_private_key(kept, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise secrets.SecretUnreadable(f"the secret {SECRET} is not an elliptic key", hint="restore it from the backup")
    return Authority(key, x509.load_pem_x509_certificate(kept))


def _new(now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desmos-fast agents")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    made = (
        _builder(name, name, key.public_key(), now, now + OWN_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, _HASH)
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, first: datetime, last: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
