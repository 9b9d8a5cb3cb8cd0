# SPDX-License-Identifier: Apache-2.0
"""Rows under a former master key, moved by the owner of the tables; the caller owns the transaction, unless it is said otherwise."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from desmos_fast.db.pool import AWAY, Connection, DatabaseDown
from desmos_fast.settlement.rotation.model import KeyShown, Left, RotationRuns

ALONE: Final = "SELECT pg_try_advisory_lock(hashtextextended('master keys', 4))"
NEWEST: Final = "SELECT id, done_at IS NOT NULL AS done FROM master_key ORDER BY id DESC LIMIT 1"
KEYS: Final = """
    SELECT id, seals_at IS NOT NULL, indexes_at IS NOT NULL, done_at IS NOT NULL FROM master_key ORDER BY id
"""
ADD: Final = "INSERT INTO master_key (id, made_at) VALUES ($1, now())"
SEALS: Final = "UPDATE master_key SET seals_at = coalesce(seals_at, now()) WHERE id = $1"
INDEXES: Final = "UPDATE master_key SET indexes_at = coalesce(indexes_at, now()) WHERE id = $1"
DONE: Final = "UPDATE master_key SET done_at = now() WHERE id = $1"
TENANTS: Final = "SELECT every_tenant()"
# Whatever holds something sealed: a table that comes later is found by itself.
SEALED: Final = """
    SELECT c.relname FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND 3 = (SELECT count(*) FROM pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attname IN ('tenant_id', 'id', 'sealed') AND NOT a.attisdropped)
     ORDER BY c.relname = 'invoice' DESC, c.relname = 'return_file' DESC, c.relname
"""
INDEXED: Final = ("invoice", "order_line")
# The lines of orders are looked for by a patient at no other time.
FIND_LINES: Final = "CREATE INDEX CONCURRENTLY order_line_moving ON order_line (tenant_id, insured_key)"
FORGET_LINES: Final = "DROP INDEX CONCURRENTLY IF EXISTS order_line_moving"
FOLLOW: Final = (
    "CREATE OR REPLACE TRIGGER follows BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION follow_index()",
    "CREATE OR REPLACE TRIGGER follows BEFORE INSERT ON order_line FOR EACH ROW EXECUTE FUNCTION follow_index()",
    "CREATE OR REPLACE TRIGGER follows BEFORE INSERT ON reminder FOR EACH ROW WHEN (NEW.rule = 'patient') EXECUTE FUNCTION follow_debtor()",
)
END_FOLLOWING: Final = (
    "DROP TRIGGER IF EXISTS follows ON invoice",
    "DROP TRIGGER IF EXISTS follows ON order_line",
    "DROP TRIGGER IF EXISTS follows ON reminder",
    "TRUNCATE moved_index",
)
_FORMER: Final = "sealed IS NOT NULL AND substring(sealed FROM 1 FOR 8) IS DISTINCT FROM $2"
_STRANGE: Final = "NOT EXISTS (SELECT FROM moved_index AS m WHERE m.tenant_id = $1 AND m.index = t.insured_key)"
BLOBS: Final = f"SELECT id, sealed FROM (table) AS t WHERE tenant_id = $1 AND id > $3 AND {_FORMER} ORDER BY id LIMIT $4"  # noqa: S608
INVOICES: Final = f"""
    SELECT id, sealed, insured_key FROM invoice AS t
     WHERE tenant_id = $1 AND id > $3 AND ({_FORMER} OR {_STRANGE}) ORDER BY id LIMIT $4
"""  # noqa: S608
RETURNS: Final = f"""
    SELECT id, sealed FROM return_file AS t
     WHERE tenant_id = $1 AND id > $3
       AND ({_FORMER} OR EXISTS (
               SELECT FROM payment_order AS o JOIN order_line AS t ON t.tenant_id = $1 AND t.order_id = o.id
                WHERE o.tenant_id = $1 AND o.return_file_id = t_id(t) AND t.insured_key IS NOT NULL AND {_STRANGE}))
     ORDER BY id LIMIT $4
"""  # noqa: S608
LEFT_SEALED: Final = f"SELECT count(*) FROM (table) AS t WHERE tenant_id = $1 AND {_FORMER}"  # noqa: S608
LEFT_INDEXED: Final = f"SELECT count(*) FROM (table) AS t WHERE tenant_id = $1 AND insured_key IS NOT NULL AND {_STRANGE}"  # noqa: S608
LEFT_DEBTORS: Final = """
    SELECT count(*) FROM reminder AS r
     WHERE r.tenant_id = $1 AND r.rule = 'patient'
       AND NOT EXISTS (SELECT FROM moved_index AS m WHERE m.tenant_id = $1 AND encode(m.index, 'hex') = r.debtor)
"""
# Nobody writes by an index, nor settles, while patients move. Who holds one of these is waited for outside, for they hold rows too.
HOLD: Final = """
    SELECT pg_try_advisory_xact_lock(hashtextextended('settlement ' || $1, 2))
       AND pg_try_advisory_xact_lock(hashtextextended('shares of ' || $1, 2))
       AND pg_try_advisory_xact_lock(hashtextextended('index of ' || $1, 4))
"""
BRIEFLY: Final = "SELECT set_config('lock_timeout', '500ms', true)"
MOVE: Final = "INSERT INTO moved_index (tenant_id, former, index) SELECT $1, * FROM unnest($2::bytea[], $3::bytea[]) ON CONFLICT DO NOTHING"
MOVES: Final = (
    """UPDATE invoice AS t SET insured_key = n.index FROM unnest($2::bytea[], $3::bytea[]) AS n (former, index)
        WHERE t.tenant_id = $1 AND t.insured_key = n.former""",
    """UPDATE order_line AS t SET insured_key = n.index FROM unnest($2::bytea[], $3::bytea[]) AS n (former, index)
        WHERE t.tenant_id = $1 AND t.insured_key = n.former""",
    """UPDATE reminder AS t SET debtor = encode(n.index, 'hex') FROM unnest($2::bytea[], $3::bytea[]) AS n (former, index)
        WHERE t.tenant_id = $1 AND t.rule = 'patient' AND t.debtor = encode(n.former, 'hex')""",
)
MOVED: Final = "SELECT former FROM moved_index WHERE tenant_id = $1 AND former = ANY ($2::bytea[])"
RESEAL: Final = """
    UPDATE (table) AS t SET sealed = n.sealed FROM unnest($2::uuid[], $3::bytea[]) AS n (id, sealed) WHERE t.tenant_id = $1 AND t.id = n.id
"""
