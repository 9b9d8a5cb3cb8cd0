# SPDX-License-Identifier: Apache-2.0
"""A day's summary with every part filled, for the page and the table."""

from desmos_fast.demo.model import Amount, Check, Invariants, PayerRow, Places, Stage, Summary, Unmatched


def summary(**changes: object) -> Summary:
    values: dict[str, object] = {
        "seed": 7, "date": "2026-11-25", "finess": "750000018", "centre": "CENTRE DE SANTE MODELE", "executors": 20,
        "invoices": Amount(5000, 25_034_512), "refused_invoices": 0, "from_amo": 11_000_000, "from_amc": 13_000_000, "desk": 1_034_512,
        "states": {"paid": Amount(4300, 22_000_000), "to_fix": Amount(700, 3_034_512)},
        "shares": {"amo": {"settled": Amount(4500, 10_000_000)}, "amc": {"rejected": Amount(100, 500_000)}, "patient": {}},
        "files": 1, "file_bytes": 3_200_000, "lots": 62, "lots_accepted": 60, "lots_refused": 2,
        "paid": Amount(8500, 22_500_000), "partly_paid": Amount(120, 400_000), "rejects": {"rights": Amount(30, 120_000)},
        "payers": [PayerRow("amo:01751", "CAISSE <ESSAI>", 5_000_000, 4_800_000, 4_700_000)],
        "credits": {"confirmed": Amount(30, 20_000_000), "unmatched": Amount(2, 90_000)},
        "rules": {"A1": Amount(8700, 22_900_000), "B1": Amount(28, 19_000_000), "B2": Amount(2, 1_000_000), "B9": Amount(2, 90_000)},
        "unmatched_credits": [Unmatched("VIR SEPA TILLEULS", "2026-12-02", 90_000, "payer_unknown")],
        "unmatched_lines": [Unmatched("MUTUELLE DES TILLEULS", "2026-12-18", -4_500, "recovery_without_part")],
        "ledger": {"creance": 25_034_512, "produit": -25_034_512}, "ledger_balance": 0,
        "invariants": Invariants(True, [Check("I1", True, 8600, 0)]), "differences": [],
        "stages": [Stage("Factures signées", 5000, "facture", 3.21), Stage("Lots construits", 1, "lot", 0.0)],
        "places": Places("/data/page.html", "/data/files", "/data/letterbox", "/data", "/data/logs"),
    }  # fmt: skip
    return Summary(**(values | changes))  # type: ignore[arg-type]
