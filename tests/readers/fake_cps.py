# SPDX-License-Identifier: Apache-2.0
"""A CPS made of software: a token of SoftHSM2 with the objects of a professional who was never born.

Run as a program, which has the library for itself: `python -m tests.readers.fake_cps LIBRARY LABEL CERTIFICATE`.
"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ROOT: Final = Path(__file__).parents[2]
LIBRARIES: Final = [*Path("/usr/lib").glob("*/softhsm/libsofthsm2.so"), Path("/usr/lib/softhsm/libsofthsm2.so")]
# Neither is found in a log by chance.
CODE: Final = "739164"
WRONG: Final = "864275"
OFFICER: Final = "87654321"
IDENTIFIER, LAST, FIRST, PROFESSION = "899999999990", "CANARIPROFESSIONNEL", "CANARIPRENOM", "Médecin"
SPECIALTY: Final = "SM99"
STRUCTURE, STRUCTURE_ID, SECTOR = "CENTRE FICTIF", "999999990", "SA07"


def library() -> str | None:
    """Return where SoftHSM2 is, if it and the binding are there."""
    if find_spec("pkcs11") is None:
        return None
    return next((str(path) for path in LIBRARIES if path.exists()), None)


def activity() -> bytes:
    """Return an activity as the notes have it."""
    fields = ((0x84, STRUCTURE), (0x85, STRUCTURE_ID), (0x86, SECTOR))
    body = b"".join(bytes((tag, len(text))) + text.encode("latin-1") for tag, text in fields)
    return bytes((0xEE, len(body))) + body


def certificate(last_name: str = LAST) -> bytes:
    """Return a certificate of a professional, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.TITLE, PROFESSION),
            x509.NameAttribute(NameOID.COMMON_NAME, IDENTIFIER),
            x509.NameAttribute(NameOID.SURNAME, last_name),
            x509.NameAttribute(NameOID.GIVEN_NAME, FIRST),
        ]
    )
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return built.not_valid_before(now).not_valid_after(now + timedelta(days=2)).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def make(path: str, folder: Path, label: str = "CPS3") -> Path:
    """Make a token in a folder; return the file that SOFTHSM2_CONF names."""
    tokens, told = folder / "tokens", folder / "softhsm2.conf"
    tokens.mkdir(exist_ok=True)
    told.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n", encoding="ascii")
    command = [sys.executable, "-m", "tests.readers.fake_cps", path, label]
    subprocess.run(command, check=True, cwd=ROOT, env={"SOFTHSM2_CONF": str(told), "PATH": "/usr/bin:/bin"}, timeout=60)
    return told


def main() -> None:
    """Make the token, then what is on it."""
    import pkcs11
    from pkcs11 import Attribute, CertificateType, ObjectClass

    path, label = sys.argv[1:]
    command = ["softhsm2-util", "--module", path, "--init-token", "--free", "--label", label, "--so-pin", OFFICER, "--pin", CODE]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    token = pkcs11.lib(path).get_token(token_label=label)
    data = {Attribute.CLASS: ObjectClass.DATA, Attribute.TOKEN: True, Attribute.APPLICATION: "CPS"}
    with token.open(rw=True, user_pin=CODE) as session:
        for name, value, private in (
            ("CPS_INFO_PS", f"INFO {IDENTIFIER} {LAST} {SPECIALTY}".encode("latin-1"), False),
            ("CPS_DATA", b"NOBODY READS THIS", False),
            ("CPS_ACTIVITY_01_PS", activity(), True),
            ("CPS_ACTIVITY_03_PS", b"\x00\x01 of no known layout", True),
        ):
            session.create_object({**data, Attribute.LABEL: name, Attribute.VALUE: value, Attribute.PRIVATE: private})
        for name, number, holder in (("signature", 0x10, "DE LA SIGNATURE"), ("authentication", 0x20, LAST)):
            made = certificate(holder)
            session.create_object(
                {
                    Attribute.CLASS: ObjectClass.CERTIFICATE,
                    Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                    Attribute.TOKEN: True,
                    Attribute.PRIVATE: False,
                    Attribute.LABEL: name,
                    Attribute.ID: bytes((1, number)),
                    Attribute.SUBJECT: x509.load_der_x509_certificate(made).subject.public_bytes(),
                    Attribute.VALUE: made,
                }
            )


if __name__ == "__main__":
    main()
