# SPDX-License-Identifier: Apache-2.0
"""The roles and the database of a fresh or an old cluster, brought to what they must be."""

import base64
import hashlib
import hmac
import os
from typing import Final

import asyncpg

from desmos_fast.base.errors import OutsideFailed

ADMIN: Final = "desmos_admin"
OWNER: Final = "desmos_owner"
APP: Final = "desmos_app"
DATABASE: Final = "desmos"
ITERATIONS: Final = 4096
CONNECT_TIMEOUT_S: Final = 10.0
# A statement that fails would stand in the server's log with the verifier of a password in it.
UNWRITTEN: Final = {"log_statement": "none", "log_min_error_statement": "panic", "log_min_duration_statement": "-1"}
_ROLE_THERE: Final = "SELECT 1 FROM pg_roles WHERE rolname = $1"
_DATABASE_THERE: Final = "SELECT 1 FROM pg_database WHERE datname = $1"
_CREATE_ROLE: Final = "SELECT format('CREATE ROLE %I', $1::text)"
# Rights are taken away each time, not only at the start: whoever gave more by hand would lift row-level security for every tenant.
_ALTER_ROLE: Final = """
    SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD %L', $1::text, $2::text)
"""
_CREATE_DATABASE: Final = "SELECT format('CREATE DATABASE %I OWNER %I', $1::text, $2::text)"
_CLOSE_DATABASE: Final = "SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $1::text)"
_OPEN_DATABASE: Final = "SELECT format('GRANT CONNECT ON DATABASE %I TO %I', $1::text, $2::text)"
_VERSION: Final = "SELECT split_part(current_setting('server_version'), ' ', 1)"
_WITHOUT_PASSWORD: Final = """
    SELECT line_number FROM pg_hba_file_rules
     WHERE auth_method IS NULL OR auth_method NOT IN ('scram-sha-256', 'peer', 'reject') ORDER BY line_number LIMIT 1
"""


class OpenDoor(OutsideFailed):
    """The cluster would let someone in without a password."""

    code = "outside_failed"


def verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL keeps of a password (RFC 5802), so that the password itself never reaches a statement or a log."""
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${ITERATIONS}:{text[0]}${text[1]}:{text[2]}"


async def bootstrap(admin_dsn: str, passwords: dict[str, str]) -> str:
    """Make the roles of `passwords` and the database where they lack, set their rights again, and return the server's version.

    Raises OpenDoor when a rule of pg_hba.conf lets in without a password, asyncpg's errors when the server fails.
    """
    con = await asyncpg.connect(admin_dsn, timeout=CONNECT_TIMEOUT_S, server_settings=UNWRITTEN)
    try:
        line = await con.fetchval(_WITHOUT_PASSWORD)
        if line is not None:
            raise OpenDoor(f"line {line} of pg_hba.conf lets in without a password", hint="write scram-sha-256 there")
        for role, password in passwords.items():
            if not await con.fetchval(_ROLE_THERE, role):
                await _run(con, _CREATE_ROLE, role)
            await _run(con, _ALTER_ROLE, role, verifier(password))
        if not await con.fetchval(_DATABASE_THERE, DATABASE):
            await _run(con, _CREATE_DATABASE, DATABASE, OWNER)
        await _run(con, _CLOSE_DATABASE, DATABASE)
        await _run(con, _OPEN_DATABASE, DATABASE, APP)
        return str(await con.fetchval(_VERSION))
    finally:
        await con.close()


async def _run(con: "asyncpg.Connection[asyncpg.Record]", form: str, *values: str) -> None:
    """Run a statement that takes no parameters, its values quoted by the server."""
    await con.execute(await con.fetchval(form, *values))
