# SPDX-License-Identifier: Apache-2.0
"""What the database itself refuses to whoever holds the role that serves."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import pytest

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import uuid7
from desmos_fast.db.kernel import Kind
from desmos_fast.db.leaf import Column, copy_in
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from tests.db.databases import Place
from tests.db.places import ROOT, ask
from tests.db.rows import DEFAULTS, NOW, insert

PARTITIONED: Final = ("invoice", "share", "ledger_entry", "ledger_line", "event")
# Columns that name a row of another table, and what is named so; DEFAULTS has each table after those that it needs.
PARENTS: Final = {
    "share": ("invoice_id",), "lot": ("file_id",), "lot_share": ("lot_id", "invoice_id"), "payment_order": ("return_file_id",),
    "order_line": ("order_id",), "bank_line": ("bank_file_id",), "event": ("subject",), "ledger_line": ("entry_id",),
    "webhook_delivery": ("webhook_id", "subject"), "webhook_secret": ("webhook_id",),
    "reminder_item": ("reminder_id",), "payment_part": ("payment_id", "invoice_id"),
    "lot_replaced": ("lot_id", "replaces"), "dead_ack": ("return_file_id",), "stage_total": ("trace",),
    "forbidden": ("decision_id",), "bank_entry": ("bank_file_id",), "notice": ("contact_id",), "reader": ("agent_id",),
    "reader_event": ("agent_id",), "agent_report": ("agent_id",),
}  # fmt: skip
NAMED: Final = {
    "invoice": ("invoice_id", "subject"), "file": ("file_id", "trace"), "lot": ("lot_id", "replaces"), "return_file": ("return_file_id",),
    "payment_order": ("order_id",), "bank_file": ("bank_file_id",), "ledger_entry": ("entry_id",),
    "decision": ("decision_id",), "webhook": ("webhook_id",), "reminder": ("reminder_id",), "payment": ("payment_id",),
    "contact": ("contact_id",), "agent": ("agent_id",),
}  # fmt: skip
# Beside what shows a row to its centre stands what opens it to the owner, for the functions that look over all centres.
TWO_POLICIES: Final = {"agent", "agent_code", "api_key", "incident", "member", "reader", "reader_event", "session", "test_clock"}
LENT: Final = [
    "account_scopes", "authenticate_key", "authenticate_session", "every_tenant", "every_test_clock", "find_account", "find_agent_code",
    "forget_answers", "forget_attempts", "forget_reader_events",
    "incidents_running",
]  # fmt: skip
WITH_TENANT: Final = """
    SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced,
           (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid) AS rules
      FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
"""
OPEN_VIEWS: Final = """
    SELECT c.relname FROM pg_class AS c
     WHERE c.relkind IN ('v', 'm') AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'pgqueuer%'
       AND NOT coalesce('security_invoker=on' = ANY (c.reloptions) OR 'security_invoker=true' = ANY (c.reloptions), false)
"""
ROLE: Final = """
    SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication AS above,
           (SELECT count(*) FROM pg_class AS c WHERE c.relowner = r.oid)
           + (SELECT count(*) FROM pg_proc AS f WHERE f.proowner = r.oid) AS owned,
           (SELECT count(*) FROM pg_auth_members AS m WHERE m.member = r.oid) AS memberships,
           has_schema_privilege(r.oid, 'public', 'CREATE') AS creates
      FROM pg_roles AS r WHERE r.rolname = 'desmos_app'
"""
RIGHTS: Final = """
    SELECT c.relname, kind FROM pg_class AS c CROSS JOIN unnest($1::text[]) AS kind
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'pgqueuer%'
       AND has_table_privilege('desmos_app', c.oid, kind)
"""
CHANGEABLE: Final = """
    SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'pgqueuer%'
       AND has_column_privilege('desmos_app', c.oid, a.attnum, 'UPDATE')
"""
CLOSED: Final = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT has_table_privilege('desmos_app', oid, 'INSERT')
"""
LENDING: Final = """
    SELECT p.proname, EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0) AS to_all,
           coalesce(array_to_string(p.proconfig, ',') LIKE '%search_path=%', false) AS pinned
      FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
"""
KEYS: Final = """
    SELECT conrelid::regclass || '.' || conname FROM pg_constraint AS k
     WHERE k.contype IN ('p', 'u', 'f') AND k.connamespace = 'public'::regnamespace
       AND k.conrelid IN (SELECT a.attrelid FROM pg_attribute AS a WHERE a.attname = 'tenant_id')
       AND (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]) <> 'tenant_id'
     ORDER BY 1
"""


async def names(place: Place, query: str, *args: object) -> list[tuple[object, ...]]:
    async with place.admin() as con:
        return [tuple(row) for row in await con.fetch(query, *args)]


async def test_every_table_with_a_tenant_is_behind_forced_policies(place: Place) -> None:
    found = await names(place, WITH_TENANT)
    assert {row[0] for row in found} >= set(DEFAULTS) | {"centre", "api_key"}
    assert [row for row in found if not row[1] or row[2] != (2 if row[0] in TWO_POLICIES else 1)] == []


async def test_views_show_what_their_reader_may_see(place: Place) -> None:
    assert await names(place, OPEN_VIEWS) == []


async def test_the_role_that_serves_owns_nothing_and_is_nobody(place: Place) -> None:
    assert await names(place, ROLE) == [(False, 0, 0, False)]


async def test_the_role_that_serves_deletes_nothing(place: Place) -> None:
    assert await names(place, RIGHTS, ["DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]) == []


async def test_only_what_moves_can_be_changed(place: Place) -> None:
    # Amounts, contents, numbers, events, the ledger and stored answers are written once.
    assert {f"{table}.{column}" for table, column in await names(place, CHANGEABLE)} == {
        "account.subject", "account.password", "account.sealed", "account.totp_since", "account.totp_step", "account.recovery",
        "account.code", "account.code_until", "account.since", "member.name", "member.roles", "member.used_at", "member.ended_at",
        "session.strong", "session.used_at", "session.ended_at", "attempt.failures", "attempt.last_at", "look_up.hour",
        "look_up.in_hour", "look_up.day", "look_up.in_day", "role_use.used_on",
        "counter.value", "counter.hash", "invoice.state", "invoice.signed_at", "file.state", "file.sent_at", "lot.state", "lot.arl_code",
        "share.transport", "share.state", "share.announced", "share.credited", "share.reject_code", "share.lot_id", "lot_share.live",
        "payment_order.match_id", "order_line.share_invoice_id", "order_line.match_id", "order_line.parked", "order_line.share_part",
        "order_line.answered", "share.amount", "share.closed",
        "bank_mapping.document", "bank_mapping.set_at", "bank_mapping.set_by",
        "bank_line.match_id", "match.status", "schedule.revision", "schedule.active", "schedule.days", "schedule.times",
        "schedule.skip_holidays", "schedule.settings", "schedule.since", "schedule.ran_due", "schedule.last_run", "webhook.active",
        "webhook.failures", "webhook.sealed_until", "webhook_secret.ends_at", "test_clock.ahead_s", "test_clock.set_at",
        "test_clock.set_by", "webhook.paused_until", "webhook.wake_at", "webhook.wake_job", "webhook_delivery.state",
        "webhook_delivery.tried", "webhook_delivery.next_at", "webhook_delivery.status", "webhook_delivery.reason",
        "webhook_delivery.ended_at",
        "file.leaving_at", "file.ack_due", "file.resend_due", "file.resends", "lot.ack_missing_at", "anomaly.found", "anomaly.told_at",
        "anomaly.resolved_at", "anomaly.resolved_by", "payment.unpaid_at", "contact.active",
        "incident.cause", "incident.acknowledged_at", "incident.degraded_at", "incident.ended_at", "incident.cancelled_at",
        "dead_return.code", "dead_return.detail", "dead_return.faults", "dead_return.profile", "dead_return.state", "dead_return.tries",
        "dead_return.ended_at", "dead_return.ended_by", "dead_return.ended_why", "dead_return.taken_as",
        "agent_code.used_at", "agent.serial", "agent.former", "agent.ends_at", "agent.version", "agent.system", "agent.channel",
        "agent.seen_at", "agent.received", "agent.blocked_at", "agent.blocked_by", "reader.present", "reader.card", "reader.atr",
        "reader.changed_at",
        "agent_report.verdict", "agent_report.findings", "agent_report.reported_at",
        "api_key.expires_at", "api_key.used_at", "api_key.revoked_at",
        "reminder.state", "reminder.amount", "reminder.ended_at", "reminder.ended_by", "reminder.why", "reminder_item.amount",
    }  # fmt: skip


async def test_the_tables_of_the_house_are_written_by_their_owner_alone(place: Place) -> None:
    closed = {row[0] for row in await names(place, CLOSED)}
    national = {"nomenclature_import", "nomenclature_code", "tariff_pack"}
    keys, options = {"master_key", "moved_index"}, {"centre_option"}
    assert {"centre", "api_key", "state_move", "_pogo_migration"} | national | keys | options <= closed
    assert not closed & DEFAULTS.keys()


async def test_no_function_lends_its_rights_to_everyone(place: Place) -> None:
    assert sorted(await names(place, LENDING)) == [(name, False, True) for name in LENT]


async def test_every_key_begins_with_the_tenant(place: Place) -> None:
    # The FINESS and the HMAC of a key or a token are what tells the tenant in the first place.
    assert [row[0] for row in await names(place, KEYS)] == [
        "api_key.api_key_hash_key", "centre.centre_finess_key", "session.session_hash_key",
    ]  # fmt: skip


@pytest.mark.parametrize("table", sorted(DEFAULTS))
async def test_without_a_tenant_a_read_is_an_error(place: Place, table: str) -> None:
    # An empty answer would look like a centre that has nothing.
    async with direct(place.app_dsn) as con:
        with pytest.raises(asyncpg.UndefinedObjectError, match=r"app\.tenant"):
            await con.fetch(f"SELECT * FROM {table}")


async def test_a_connection_forgets_the_tenant_with_its_transaction(place: Place) -> None:
    tenant = await place.centre()
    con: Connection = await asyncpg.connect(place.app_dsn)
    try:
        async with con.transaction():
            await con.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
            assert await con.fetchval("SELECT count(*) FROM invoice") == 0
        with pytest.raises(asyncpg.DataError):  # the setting is empty now: still an error, never an empty answer
            await con.fetchval("SELECT count(*) FROM invoice")
    finally:
        await con.close()


async def everything(place: Place, tenant: UUID) -> None:
    """Add a row of each table."""
    async with direct(place.admin_dsn, tenant) as con:
        # One row alone is no ledger: its guard would refuse it.
        await con.execute("SET LOCAL session_replication_role = replica")
        ids: dict[str, UUID] = {}
        for table in DEFAULTS:
            row = await insert(con, table, tenant_id=tenant, **{column: ids[column] for column in PARENTS.get(table, ())})
            ids |= {column: row for column in NAMED.get(table, ())}


async def test_no_row_of_a_centre_is_seen_or_changed_by_another(place: Place) -> None:
    mine, theirs = await place.centre(), await place.centre()
    await everything(place, theirs)
    async with place.app(theirs) as con:
        assert [table for table in DEFAULTS if await con.fetchval(f"SELECT count(*) FROM {table}") != 1] == []
    async with place.app(mine) as con:
        assert [table for table in DEFAULTS if await con.fetchval(f"SELECT count(*) FROM {table}")] == []
        assert await con.execute("UPDATE invoice SET state = 'void' WHERE tenant_id = $1", theirs) == "UPDATE 0"
        assert await con.execute("UPDATE share SET announced = 1") == "UPDATE 0"


@pytest.mark.parametrize("table", sorted(DEFAULTS))
async def test_a_row_for_another_centre_is_refused(place: Place, table: str) -> None:
    mine, theirs = await place.centre(), await place.centre()
    async with place.app(mine) as con:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await insert(con, table, tenant_id=theirs, **{column: uuid7() for column in PARENTS.get(table, ())})


async def test_the_ids_and_keys_of_another_centre_are_free(place: Place) -> None:
    mine, theirs = await place.centre(), await place.centre()
    await everything(place, theirs)
    async with direct(place.owner_dsn, theirs) as con:
        taken = await con.fetchval("SELECT id FROM invoice")
    async with place.app(mine) as con:
        assert await con.fetch("SELECT id FROM invoice WHERE id = $1", taken) == []
        # Same id, number, idempotency key, file hash, order reference: nothing tells that someone has them.
        await insert(con, "invoice", tenant_id=mine, id=taken)
        await insert(con, "idempotency", tenant_id=mine)
        returned = await insert(con, "return_file", tenant_id=mine)
        await insert(con, "payment_order", tenant_id=mine, return_file_id=returned)


@pytest.fixture
async def signed(place: Place) -> tuple[UUID, UUID]:
    """Give a centre and one of its invoices."""
    tenant = await place.centre()
    async with direct(place.owner_dsn, tenant) as con:
        return tenant, await insert(con, "invoice", tenant_id=tenant)


def event(subject: UUID) -> dict[str, Column]:
    return {
        "id": Column(Kind.UUID, [uuid7()]), "name": Column(Kind.TEXT, ["invoice.signed"]), "subject": Column(Kind.UUID, [subject]),
        "happened_at": Column(Kind.TIMESTAMPTZ, NOW),
    }  # fmt: skip


async def test_bulk_rows_get_the_tenant_of_the_caller_and_no_other(place: Place, signed: tuple[UUID, UUID]) -> None:
    tenant, invoice = signed
    other = await place.centre()
    async with place.app(tenant) as con:
        with pytest.raises(OurBug):
            await copy_in(con, "event", tenant, {**event(invoice), "tenant_id": Column(Kind.UUID, [other])})
        assert await copy_in(con, "event", tenant, event(invoice)) == 1
    async with place.app(other) as con:
        assert await con.fetchval("SELECT count(*) FROM event") == 0
    async with place.app(tenant) as con:
        assert await con.fetchval("SELECT tenant_id FROM event") == tenant


async def test_copy_into_a_table_under_policies_is_refused(place: Place, signed: tuple[UUID, UUID]) -> None:
    tenant, invoice = signed
    async with place.app(tenant) as con:
        with pytest.raises(asyncpg.FeatureNotSupportedError, match="COPY FROM not supported with row-level security"):
            await con.copy_records_to_table("event", records=[(tenant, uuid7(), "x", invoice, NOW)],
                                            columns=["tenant_id", "id", "name", "subject", "happened_at"])  # fmt: skip


@pytest.mark.parametrize("leaf", [f"{table}_{number}" for table in PARTITIONED for number in range(8)])
async def test_a_leaf_takes_rows_and_shows_none(place: Place, leaf: str) -> None:
    tenant = await place.centre()
    for statement in (f"SELECT * FROM {leaf}", f"UPDATE {leaf} SET tenant_id = tenant_id", f"DELETE FROM {leaf}", f"TRUNCATE {leaf}",
                      f"INSERT INTO {leaf} SELECT * FROM {leaf}", f"COPY {leaf} TO STDOUT"):  # fmt: skip
        async with place.app(tenant) as con:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await con.execute(statement)


# --- the service and its role


@pytest.fixture(scope="module")
def bypasser(place: Place) -> Iterator[str]:
    """Give the DSN of a role that row-level security does not bind."""
    ask(place.admin_dsn, "CREATE ROLE test_bypasser LOGIN BYPASSRLS PASSWORD 'bypass'", "SELECT 1")
    ask(place.admin_dsn, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO test_bypasser", "SELECT 1")
    try:
        yield "postgresql://test_bypasser:bypass@" + place.admin_dsn.partition("@")[2]
    finally:
        ask(place.admin_dsn, "DROP OWNED BY test_bypasser", "DROP ROLE test_bypasser", "SELECT 1")


def serving(place: Place, dsn: str, data_dir: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "DESMOS_DSN": dsn, "DESMOS_OWNER_DSN": place.owner_dsn, "DESMOS_DATA_DIR": str(data_dir)}
    return subprocess.Popen(
        [sys.executable, "-m", "desmos_fast.cli", "serve", "--port", "0", "--grace", "0"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("who", ["superuser", "owner", "bypasser"])
def test_the_service_refuses_a_role_above_the_policies(place: Place, bypasser: str, tmp_path: Path, who: str) -> None:
    dsn = {"superuser": place.admin_dsn, "owner": place.owner_dsn, "bypasser": bypasser}[who]
    with serving(place, dsn, tmp_path) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert out == ""
    assert "row-level security" in errors
    assert "Traceback" not in errors


def test_the_service_starts_under_the_role_that_serves(place: Place, tmp_path: Path) -> None:
    with serving(place, place.app_dsn, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("desmos-fast listens on http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0
