# SPDX-License-Identifier: Apache-2.0
"""What is read of each record type, in the order of the tuples that the kernel gives, and where the tables put it."""

from collections.abc import Mapping, Sequence
from typing import Final

from desmos_fast.exchange.model import Pack

# Field and way of reading (see ext.columns).
COLUMNS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "000": (
        ("sender_type", "text"), ("sender_number", "digits"), ("sender_program", "text"), ("recipient_type", "text"),
        ("recipient_number", "digits"), ("recipient_program", "text"), ("exchange_kind", "text"), ("file_id", "number"),
        ("creation_date", "date"), ("file_sequence", "number"),
    ),
    "999": (
        ("record_count", "number"), ("lot_count", "number"), ("invoice_count", "number"), ("total_fees", "number"),
        ("total_amo", "number"), ("total_amc", "number"),
    ),
    "1": (
        ("biller", "biller"), ("lot_number", "number"), ("regime", "digits"), ("caisse", "digits"),
        ("centre", "digits"), ("recipient_organism", "digits"), ("computing_centre", "digits"), ("flow", "number"),
        ("security_mode", "text"), ("lot_date", "date"), ("amc_number", "known_digits"),
    ),
    "6": (
        ("invoice_count", "number"), ("record_count", "number"), ("total_fees", "number"), ("total_amo", "number"),
        ("total_amc", "number"), ("total_patient_share", "number"),
    ),
    "2": (
        ("biller", "biller"), ("nir", "text"), ("nir_key", "digits"), ("rank", "number"), ("invoice_number", "number"),
        ("regime", "digits"), ("caisse", "digits"), ("centre", "digits"), ("rights_source", "number"),
        ("rights_from", "date"), ("nature_assurance", "number"), ("exoneration", "text"), ("accident", "digits"),
        ("split_flag", "text"), ("birth_date", "digits"), ("birth_rank", "number"), ("contract_type", "digits"),
        ("amc_number", "text"),
    ),
    "2S": (
        ("beneficiary_nir", "text"), ("beneficiary_nir_key", "digits"), ("treating_physician_flag", "text"),
        ("referring_last_name", "text"), ("referring_first_name", "text"), ("referring_am", "known_digits"),
        ("pathway", "text"),
    ),
    "4": (
        ("prescriber_am", "known_digits"), ("prescription_origin", "text"), ("line_exoneration", "text"),
        ("prescriber_specialty", "known_digits"), ("executor_am", "digits"), ("executor_zone", "known_digits"),
        ("executor_specialty", "digits"), ("care_date", "date"), ("act_code", "text"), ("act_complement", "text"),
        ("quantity", "number"), ("coefficient", "number"), ("units", "number"), ("unit_price", "number"),
        ("base", "number"), ("rate", "number"), ("amo", "number"), ("fees", "number"), ("qualifier", "text"),
        ("amc", "number"),
    ),
    "4S": (
        ("executor_condition", "text"), ("prescriber_condition", "text"), ("prior_agreement_date", "date"),
        ("prior_agreement_code", "number"),
    ),
    "4E": (
        ("prescriber_rpps", "known_digits"), ("prescriber_structure", "text"), ("executor_rpps", "known_digits"),
    ),
    "4M": (
        ("ccam_code", "text"), ("extension", "text"), ("activity", "text"), ("phase", "number"),
        *((f"modifier_{place}", "text") for place in range(1, 5)), ("association", "text"), ("conditional", "text"),
        *((f"tooth_{place}", "text") for place in range(1, 17)), ("supplement", "text"),
    ),
    "5": (
        ("line_count", "number"), ("total_fees", "number"), ("total_amo", "number"), ("total_insured_share", "number"),
        ("total_amc", "number"),
    ),
    "A1": (
        ("biller", "biller"), ("lot_number", "number"), ("lot_date", "date"), ("file_sequence", "number"),
        ("verdict_sign", "sign"), ("error_code", "text"), ("record_at_fault", "number"), ("label", "text"),
    ),
    "P1": (
        ("regime", "digits"), ("caisse", "digits"), ("centre", "digits"), ("amc_number", "known_digits"),
        ("payment_reference", "text"), ("payment_date", "date"), ("total", "signed"), ("record_count", "number"),
    ),
    "P9": (
        ("record_count", "number"), ("total", "signed"),
    ),
    "R1": (
        ("biller", "biller"), ("lot_number", "number"), ("invoice_number", "number"), ("nir", "text"),
        ("nir_key", "digits"), ("care_date", "date"), ("part", "text"), ("outcome", "text"), ("claimed", "number"),
        ("paid", "signed"), ("reject_code", "text"),
    ),
    "R2": (
        ("invoice_number", "number"), ("act_line", "number"), ("code", "text"), ("faulty_value", "text"),
        ("replacement_value", "text"), ("label", "text"),
    ),
    "R3": (
        ("kind", "text"), ("amount", "signed"), ("related_invoice", "number"), ("label", "text"),
    ),
}  # fmt: skip


def column_rows(pack: Pack, name: str) -> tuple[tuple[str, tuple[int, int, int]], ...]:
    """Compile what is read of a type: the way, then offset, width and place of the sign."""
    table = pack.tables[name]
    rows: list[tuple[str, tuple[int, int, int]]] = []
    for field_name, read in COLUMNS[name]:
        field = table.field(field_name)
        sign = table.field(f"{field_name}_sign").offset if read == "signed" else 0
        rows.append((read, (field.offset, field.length, sign)))
    return tuple(rows)
