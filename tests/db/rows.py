# SPDX-License-Identifier: Apache-2.0
"""Rows for tests that look at the database itself: whole by default, one value changed where a test needs it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

from desmos_fast.base.types import uuid7
from desmos_fast.db.pool import Connection

NOW: Final = datetime(2025, 7, 1, 9, 0, tzinfo=UTC)
DAY: Final = date(2025, 7, 1)
BILLER: Final = "750000018"
HASH: Final = bytes(range(32))
DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "invoice": {
        "id": uuid7, "biller": BILLER, "number": 1, "kind": "test", "state": "signed", "security": "secured", "third_party": "full",
        "created_on": DAY, "care_date": DAY, "destination": 17500001, "amc_number": 0, "amc_apart": False, "executor_am": 0,
        "fees": 3000, "amo": 2100, "amc": 900, "amc_sum": 900, "total": 3000, "from_amo": 2100, "from_amc": 900, "desk": 0,
        "insured_key": HASH, "content_hash": HASH, "sealed": b"sealed", "signed_at": NOW,
    },
    "share": {"part": "amo", "payer": "amo:01750", "flow": 1, "amount": 2100, "transport": "open", "state": "open"},
    "file": {
        "id": uuid7, "biller": BILLER, "sequence": 1, "name": f"{BILLER}-000001.b2", "created_on": DAY, "state": "sent",
        "profile": "essai-1", "size": 1, "sha256": HASH, "sealed": b"sealed", "created_at": NOW, "sent_at": NOW,
    },
    "lot": {
        "id": uuid7, "biller": BILLER, "cycle": 1, "number": 1, "flow": 1, "destination": 17500001, "amc_number": 0, "security": "S",
        "lot_date": DAY, "state": "sent", "invoices": 1, "fees": 3000, "amo": 2100, "amc": 900, "created_at": NOW,
    },
    "lot_share": {"part": "amo", "record": 1, "live": True},
    "return_file": {"id": uuid7, "sha256": HASH, "kind": "rsp", "sequence": 1, "answer": "{}", "sealed": b"sealed", "imported_at": NOW},
    "payment_order": {
        "id": uuid7, "ref": "order-1", "kind": "payment", "payer": "amo:01750", "emitter": "01750", "biller": BILLER, "payment_date": DAY,
        "payment_ref": "VIR1", "total": 2100, "line": 1,
    },
    "order_line": {"line": 1, "biller": BILLER, "part": "amo", "payer": "amo:01750", "status": "paid", "amount": 2100, "invoice_number": 1},
    "bank_file": {"id": uuid7, "sha256": HASH, "format": "cfonb120", "answer": "{}", "imported_at": NOW},
    "bank_line": {
        "id": uuid7, "ref": "line-1", "account": "30004000010000012345678", "booking_date": DAY, "amount": 2100, "content_key": "k1",
        "occurrence": 1, "document": "{}",
    },
    "bank_mapping": {"name": "a", "document": "{}", "set_at": NOW, "set_by": "a"},
    "bank_entry": {
        "first": 1, "kind": "camt.053", "account": "FR76", "booking_date": DAY, "amount": 2100, "currency": "EUR", "keys": [],
        "ref": "line-1", "content_key": "k1", "occurrence": 1,
    },
    "match": {
        "id": uuid7, "run_id": uuid7, "match_key": "m1", "problem": "A", "status": "confirmed", "rule": "A1", "left_refs": [],
        "right_refs": [], "amount": 0, "residual": 0, "evidence": "{}", "decided_by": "rule", "decided_at": NOW,
    },
    "event": {"id": uuid7, "name": "invoice.signed", "happened_at": NOW},
    "idempotency": {"route": "/v1/invoices", "key": "key-1", "fingerprint": HASH, "status": 201, "headers": "{}", "body": b"{}"},
    "audit": {
        "seq": 1, "happened_at": NOW, "actor": "a", "action": "b", "subject": "c", "request": "d", "items": 1, "filter": "", "hash": HASH,
    },
    "decision": {"id": uuid7, "seq": 1, "kind": "k", "subject": "s", "detail": "{}", "decided_by": "d", "decided_at": NOW},
    "run": {"id": uuid7, "seq": 1, "decisions": 0, "settings": "s", "at": NOW, "by": "b", "kind": "test", "ledger": 0},
    "forbidden": {"problem": "A", "left_ref": "l", "right_ref": "r", "why": "undone_by_person"},
    "lot_replaced": {},
    "dead_ack": {
        "id": uuid7, "why": "unknown", "biller": BILLER, "lot": 7, "lot_date": DAY, "says": "refused", "code": "LT01", "record": 0,
        "noticed_at": NOW,
    },
    "stage_total": {"stage": "signed", "claims": 1, "fees": 3000, "amo": 2100, "amc": 900, "hash": HASH, "noted_at": NOW},
    "anomaly": {"id": uuid7, "kind": "ack_missing", "subject": uuid7, "noticed_at": NOW},
    "counter": {"kind": "lot", "name": BILLER, "value": 1},
    "ledger_entry": {"id": uuid7, "seq": 1, "event": "invoice.signed", "ref": "r", "posted_at": NOW, "hash": HASH},
    "schedule": {
        "revision": 1, "active": True, "days": ["mon"], "times": ["12:30"], "skip_holidays": True, "settings": "{}", "since": NOW,
    },
    "webhook": {"id": uuid7, "url": "https://example.org/", "events": [], "sealed": b"sealed", "created_at": NOW},
    "webhook_delivery": {"event_id": uuid7},
    "webhook_secret": {"id": uuid7, "sealed": b"sealed", "made_at": NOW},
    "test_clock": {"ahead_s": 60, "set_at": NOW, "set_by": "a"},
    "follow_up_setting": {
        "id": uuid7, "name": "amc.delay", "value": "45 calendar", "since": DAY, "source": "s", "set_by": "d", "set_at": NOW,
    },
    "reminder": {
        "id": uuid7, "rule": "amo", "level": 1, "debtor": "amo:01750", "day": DAY, "items": 1, "amount": 2100, "made_at": NOW,
    },
    "reminder_item": {"rule": "amo", "level": 1, "subject": "750000018/1/amo", "since": DAY, "amount": 2100},
    "follow_up_day": {"day": DAY, "done_at": NOW},
    "tp_audit": {"quarter": "2025Q3", "report": "{}", "made_at": NOW},
    "dead_return": {
        "id": uuid7, "sha256": HASH, "code": "faulty_input", "detail": "d", "faults": "[]", "size": 1, "profile": "essai-1", "sealed": b"s",
        "noticed_at": NOW,
    },
    "payment": {"id": uuid7, "means": "cash", "amount": 900, "received_on": DAY, "reference": "", "recorded_at": NOW},
    "payment_part": {"line": 1, "amount": 900},
    "contact": {"id": uuid7, "finess": BILLER, "name": "n", "email": "a@b.example", "kinds": [], "created_at": NOW},
    "incident": {
        "id": uuid7, "kind": "incident", "what": "w", "cause": "provider", "planned": False, "disaster": False, "starts_at": NOW,
        "declared_at": NOW, "declared_by": "d",
    },
    "member": {
        "id": uuid7, "account_id": uuid7, "kind": "test", "login": "a@b.example", "name": "n", "roles": ["admin"], "made_at": NOW,
    },
    "agent": {"id": uuid7, "kind": "test", "desk": "d", "enrolled_at": NOW, "serial": "1", "ends_at": NOW},
    "agent_report": {"verdict": "unknown", "findings": "[]", "reported_at": NOW},
    "reader": {"id": uuid7, "name": "n", "present": True, "card": "none", "atr": "", "changed_at": NOW},
    "reader_event": {
        "seq": 1, "number": 1, "kind": "card_inserted", "reader": "n", "atr": "", "happened_at": NOW, "received_at": NOW,
    },
    "look_up": {"actor": uuid7, "hour": NOW, "in_hour": 1, "day": DAY, "in_day": 1},
    "role_use": {"actor": uuid7, "role": "admin", "used_on": DAY},
    "notice": {"anomaly_id": uuid7, "told_at": NOW},
    "matching_settings": {"revision": 1, "document": "{}", "since": NOW, "set_by": "d"},
    "learned_label": {
        "revision": 1, "account": "FR76", "label_key": "l", "label": "l", "forgotten": False, "taught_by": "d", "taught_at": NOW,
    },
    "accounting_settings": {"revision": 1, "document": "{}", "since": NOW},
    "accounting_export": {
        "id": uuid7, "rank": 1, "first_day": DAY, "last_day": DAY, "first_seq": 1, "last_seq": 1, "settings_revision": 0, "entries": 1,
        "lines": 2, "amount": 1, "made_at": NOW, "made_by": "d",
    },
    "ledger_line": {"line": 1, "account": "produit", "debit": 1, "credit": 0},
}  # fmt: skip


async def insert(con: Connection, table: str, **values: Any) -> Any:
    """Add one row and return its id, if it has one."""
    row = {name: value() if isinstance(value, Callable) else value for name, value in (DEFAULTS[table] | values).items()}  # type: ignore[arg-type]
    places = ", ".join(f"${rank}" for rank in range(1, len(row) + 1))
    await con.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())
    return row.get("id")
