# SPDX-License-Identifier: Apache-2.0
"""S/MIME (RFC 8551): a file as a message that is signed, then encrypted."""

import base64
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from desmos_fast.lots.transports.keys import PrivateKey

LINE: Final = 57


def entity(name: str, content: bytes) -> bytes:
    """Return a MIME part that holds a file."""
    head = f'Content-Type: application/octet-stream; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"\r\n'
    return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + lines(content)


def signed(part: bytes, certificate: x509.Certificate, key: PrivateKey, chain: Sequence[x509.Certificate] = ()) -> bytes:
    """Return a part as one that is signed, with the part inside the signature: what carries mail may change nothing of it.

    `chain` are the certificates between that one and the root; they go with the signature.
    """
    builder = pkcs7.PKCS7SignatureBuilder().set_data(part).add_signer(certificate, key, hashes.SHA256())
    for one in chain:
        builder = builder.add_certificate(one)
    return _wrapped("signed-data", builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary]))


def encrypted(part: bytes, recipient: x509.Certificate) -> bytes:
    """Return a part as one that only the holder of the recipient's key can read, with AES-256."""
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(part).add_recipient(recipient).set_content_encryption_algorithm(algorithms.AES256)
    return _wrapped("enveloped-data", builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary]))


def lines(content: bytes) -> bytes:
    """Return base64 in lines of 76 characters."""
    return b"".join(base64.b64encode(content[at : at + LINE]) + b"\r\n" for at in range(0, len(content), LINE))


def _wrapped(kind: str, content: bytes) -> bytes:
    head = (
        f'Content-Type: application/pkcs7-mime; smime-type={kind}; name="smime.p7m"\r\n'
        'Content-Disposition: attachment; filename="smime.p7m"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    return head.encode() + lines(content)
