# SPDX-License-Identifier: Apache-2.0
"""TLS as every transport speaks it: version 1.2 or later, the other side proven, by name, against given authorities."""

import ssl

from desmos_fast.lots.transports.port import BadTransportKey


def client_context(ca_file: str | None, certificate_file: str | None = None, key_file: str | None = None) -> ssl.SSLContext:
    """Return what a client connects with; without `ca_file` the authorities of the system count. Raises BadTransportKey."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate_file is not None:
            # Without the last argument a key with a passphrase would be asked for on the terminal.
            context.load_cert_chain(certificate_file, key_file, password=lambda: "")
    except OSError as error:
        raise BadTransportKey(
            f"TLS cannot use {', '.join(filter(None, (ca_file, certificate_file)))}: {error.strerror or type(error).__name__}",
            hint="give PEM files, and the key that belongs to the certificate",
        ) from error
    return context
