# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates for tests, made anew each time and kept nowhere."""

import datetime
import ipaddress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from desmos_fast.lots.transports.keys import PrivateKey

DAY = datetime.timedelta(days=1)


class Pair(NamedTuple):
    """A certificate and its key, and the PEM files that hold them."""

    certificate: x509.Certificate
    key: PrivateKey
    certificate_file: Path
    key_file: Path


class Authority:
    """One that signs certificates, its own too."""

    def __init__(self, folder: Path, name: str = "authority", parent: "Authority | None" = None) -> None:
        self.folder = folder
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key: PrivateKey = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (parent or self)._signed(self.name, self.key, ca=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def pair(self, name: str, *, host: str = "127.0.0.1", kind: str = "ec", starts: datetime.timedelta = -DAY) -> Pair:
        """Make a certificate for a name and an address, good for both sides of TLS, for ten days from `starts` on."""
        key: PrivateKey = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._signed(subject, key, host=host, starts=starts)
        pair = Pair(made, key, self.folder / f"{name}.crt", self.folder / f"{name}.key")
        pair.certificate_file.write_bytes(made.public_bytes(Encoding.PEM))
        pair.key_file.touch(mode=0o600)
        pair.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair

    def _signed(
        self, subject: x509.Name, key: PrivateKey, *, host: str = "", ca: bool = False, starts: datetime.timedelta = -DAY
    ) -> x509.Certificate:
        first = datetime.datetime.now(datetime.UTC) + starts
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(first)
            .not_valid_after(first + 10 * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if ca:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if host:
            address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
            uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]
            builder = builder.add_extension(address, critical=False).add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        return builder.sign(self.key, hashes.SHA256())
