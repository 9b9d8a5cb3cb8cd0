# SPDX-License-Identifier: Apache-2.0
"""Every rule of the reader, each broken alone in a sound file: the code, the record and the field of each fault that follows."""

import pytest

from tests.exchange.files import LINE, changed, file, run, told

Told = list[tuple[str, int, str]]
BAD_VALUE, BAD_DATE, MISSING, TOTAL, COUNT = "B2_BAD_VALUE", "B2_BAD_DATE", "B2_MISSING", "B2_BAD_TOTAL", "B2_COUNT_MISMATCH"


def one(code: str, record: int, field: str = "") -> Told:
    return [(code, record, field)]


# Run, record, type, zones that change, faults. Runs: 1 one NGAP act; 2 dental with an AMC; 6 work accident; 7 AMC apart, two acts;
# 8 C2S; 10 prescribers; 11 referring doctors; 14 prior agreements and qualifiers; 17 third party; 18 CCAM in detail; 19 more prescribers.
ZONES: dict[str, tuple[int, int, str, dict[str, str], Told]] = {
    "biller repeated": (1, 4, "4S", {"biller": "750000028"}, one("B2_HEADER_MISMATCH", 4, "biller")),
    "nir repeated": (1, 2, "2S", {"nir": "2550814168026"}, one("B2_HEADER_MISMATCH", 2, "nir")),
    "rank repeated": (1, 6, "5", {"rank": "002"}, one("B2_HEADER_MISMATCH", 6, "rank")),
    "constant": (1, 4, "4S", {"place_of_execution": "1"}, one("B2_UNEXPECTED_VALUE", 4, "place_of_execution")),
    "filler": (1, 6, "5", {"filler_98": "X"}, one("B2_BAD_FILLER", 6, "filler_98")),
    "named zone left blank": (1, 4, "4S", {"prevention_flag": "P"}, one("B2_BAD_FILLER", 4, "prevention_flag")),
    "digits": (1, 3, "4", {"executor_zone": "2A"}, one("B2_BAD_NUMERIC", 3, "executor_zone")),
    "sign outside a sign": (1, 3, "4", {"act_code": "G-"}, one("B2_BAD_CHAR", 3, "act_code")),
    "leading space": (1, 3, "4", {"act_code": " G"}, one(BAD_VALUE, 3, "act_code")),
    "required text": (1, 3, "4", {"act_code": ""}, one(MISSING, 3, "act_code")),
    "required date": (1, 3, "4", {"care_date": "000000"}, one(BAD_DATE, 3, "care_date")),
    "29 February": (1, 3, "4", {"care_date": "250229"}, one(BAD_DATE, 3, "care_date")),
    "birth date of digits": (1, 1, "2", {"birth_date": "55081A"}, one(BAD_DATE, 1, "birth_date")),
    "nir form": (18, 2, "2S", {"beneficiary_nir": "11705130550X8"}, one("B2_BAD_NIR", 2, "beneficiary_nir")),
    "nir key": (18, 2, "2S", {"beneficiary_nir_key": "29"}, one("B2_NIR_KEY", 2, "beneficiary_nir_key")),
    "key without a nir": (1, 2, "2S", {"beneficiary_nir_key": "28"}, one("B2_NIR_KEY", 2, "beneficiary_nir_key")),
    "finess key": (19, 5, "4E", {"prescriber_structure": "920001238"}, one("B2_FINESS_KEY", 5, "prescriber_structure")),
    "no finess": (19, 5, "4E", {"prescriber_structure": "92000123"}, one(BAD_VALUE, 5, "prescriber_structure")),
    "regime of no list": (1, 1, "2", {"regime": "11"}, one(BAD_VALUE, 1, "regime")),
    "birth rank zero": (1, 1, "2", {"birth_rank": "0"}, one(BAD_VALUE, 1, "birth_rank")),
    "quantity zero": (1, 3, "4", {"quantity": "00"}, one(BAD_VALUE, 3, "quantity")),
    "executor zero": (1, 3, "4", {"executor_am": "0"}, one(BAD_VALUE, 3, "executor_am")),
    "executor who is a volunteer": (1, 4, "4S", {"executor_condition": "B"}, one(BAD_VALUE, 4, "executor_condition")),
    "amc number zero": (2, 1, "2", {"amc_number": "0000000000"}, one(BAD_VALUE, 1, "amc_number")),
    "amc number with a letter": (2, 1, "2", {"amc_number": "000000000M"}, one(BAD_VALUE, 1, "amc_number")),
    "accident number outside work": (1, 1, "2", {"accident": "260812345"}, one(BAD_VALUE, 1, "accident")),
    "accident with maternity": (17, 1, "2", {"nature_assurance": "30"}, one(BAD_VALUE, 1, "accident")),
    "accident of no day": (17, 1, "2", {"accident": "000260832"}, one(BAD_DATE, 1, "accident")),
    "work without an accident": (1, 1, "2", {"nature_assurance": "41"}, one(BAD_VALUE, 1, "accident")),
    "contract without an insurer": (1, 1, "2", {"contract_type": "01"}, one(BAD_VALUE, 1, "contract_type")),
    "apart without an insurer": (1, 1, "2", {"split_flag": "F"}, one(BAD_VALUE, 1, "split_flag")),
    "flag that is none": (1, 1, "2", {"split_flag": "G"}, one(BAD_VALUE, 1, "split_flag")),
    "apart from an insurer without a number": (7, 1, "2", {"amc_number": "         M"}, one(BAD_VALUE, 1, "split_flag")),
    "c2s apart": (8, 1, "2", {"split_flag": "F"}, [(BAD_VALUE, 1, "split_flag"), ("B2_SPLIT_AMOUNT", 3, "amc")]),
    "c2s contract": (8, 1, "2", {"contract_type": "00"}, one(BAD_VALUE, 1, "contract_type")),
    "two spaces in a name": (11, 2, "2S", {"referring_last_name": "D  OEUVRAY"}, one(BAD_VALUE, 2, "referring_last_name")),
    "first name alone": (1, 2, "2S", {"referring_first_name": "ANNE"}, one(BAD_VALUE, 2, "referring_first_name")),
    "am alone": (1, 2, "2S", {"referring_am": "752223339"}, one(BAD_VALUE, 2, "referring_am")),
    "sent without a first name": (11, 2, "2S", {"referring_first_name": ""}, one(MISSING, 2, "referring_first_name")),
    "rate above 100": (1, 3, "4", {"rate": "101"}, one(BAD_VALUE, 3, "rate")),
    "free of charge but paid": (
        1, 3, "4", {"qualifier": "G", "line_exoneration": "4"},
        [(BAD_VALUE, 3, "rate"), (BAD_VALUE, 3, "amo"), (BAD_VALUE, 3, "line_exoneration")],
    ),
    "agreement without a date": (1, 4, "4S", {"prior_agreement_code": "4"}, one(BAD_VALUE, 4, "prior_agreement_code")),
    "no agreement with a date": (1, 4, "4S", {"prior_agreement_date": "261101"}, one(BAD_VALUE, 4, "prior_agreement_code")),
    "4E that says nothing": (1, 5, "4E", {"executor_rpps": "0"}, one(BAD_VALUE, 5, "prescriber_rpps")),
    "phase of another day": (2, 6, "4M", {"phase_date": "261119"}, one(BAD_VALUE, 6, "phase_date")),
    "modifier gap": (18, 6, "4M", {"modifier_1": ""}, one("B2_LIST_GAP", 6, "modifier_1")),
    "tooth gap": (18, 6, "4M", {"tooth_3": ""}, one("B2_LIST_GAP", 6, "tooth_3")),
    "tooth that is none": (18, 6, "4M", {"tooth_2": "66"}, one(BAD_VALUE, 6, "tooth_2")),
    "specialty without a prescriber": (1, 3, "4", {"prescriber_specialty": "01"}, one(BAD_VALUE, 3, "prescriber_specialty")),
    "origin without a prescriber": (1, 3, "4", {"prescription_origin": "T"}, one(BAD_VALUE, 3, "prescription_origin")),
    "rpps without a prescriber": (1, 5, "4E", {"prescriber_rpps": "10009998880"}, one(BAD_VALUE, 5, "prescriber_rpps")),
    "structure without a prescriber": (1, 5, "4E", {"prescriber_structure": "920001237"}, one(BAD_VALUE, 5, "prescriber_structure")),
    "liberal without am": (10, 3, "4", {"prescriber_am": "0"}, one(BAD_VALUE, 3, "prescriber_am")),
    "salaried without a number": (19, 5, "4E", {"prescriber_rpps": "0"}, one(BAD_VALUE, 3, "prescriber_am")),
    "specialty of a liberal": (10, 3, "4", {"prescriber_specialty": "01"}, one(BAD_VALUE, 3, "prescriber_specialty")),
    "prescriber without a condition": (10, 4, "4S", {"prescriber_condition": ""}, one(BAD_VALUE, 4, "prescriber_condition")),
    "another prescriber": (19, 12, "4", {"prescriber_am": "751112229"}, one("B2_MIXED_PRESCRIBER", 12, "prescriber_am")),
    "another origin": (19, 12, "4", {"prescription_origin": "O"}, one("B2_MIXED_PRESCRIBER", 12, "prescription_origin")),
    "another condition": (19, 13, "4S", {"prescriber_condition": "L"}, one("B2_MIXED_PRESCRIBER", 12, "prescriber_am")),
    "another structure": (19, 14, "4E", {"prescriber_structure": "920001237"}, one("B2_MIXED_PRESCRIBER", 12, "prescriber_am")),
    "line count": (1, 6, "5", {"line_count": "002"}, one(COUNT, 6, "line_count")),
    "amount apart": (7, 6, "4", {"amc": "000300"}, [("B2_SPLIT_AMOUNT", 6, "amc"), (TOTAL, 9, "total_amc")]),
    "shares above the fees": (2, 3, "4", {"amc": "042801"}, [("B2_AMOUNTS", 3, ""), (TOTAL, 7, "total_amc")]),
    "one cent off": (1, 3, "4", {"amo": "2101"}, [(TOTAL, 6, "total_amo"), (TOTAL, 6, "total_insured_share")]),
    "insured share": (1, 6, "5", {"total_insured_share": "901"}, one(TOTAL, 6, "total_insured_share")),
}  # fmt: skip


@pytest.mark.parametrize("case", ZONES)
def test_one_broken_rule_of_an_invoice(case: str) -> None:
    number, record, record_type, zones, faults = ZONES[case]
    assert told(changed(run(number), record, record_type, **zones)) == faults


# In file1: lot 1 at record 2, its invoice 3 to 8, its end 9; lot 2 at 10 (invoices 11, 17, 24), end 30; lot 3 of flow 02 at 31, its
# invoice 32 to 37, the other claim of 24, end 38; lot 4 at 39, end 46; 999 at 47.
FILE: dict[str, tuple[int, str, dict[str, str], Told]] = {
    "short id": (1, "000", {"file_id": "2"}, one(BAD_VALUE, 1, "file_id")),
    "kind that is none": (1, "000", {"exchange_kind": "XX"}, one(BAD_VALUE, 1, "exchange_kind")),
    "norm": (1, "000", {"norm_name": "B2"}, one("B2_UNEXPECTED_VALUE", 1, "norm_name")),
    "lot number of the end": (9, "6", {"lot_number": "2"}, one("B2_HEADER_MISMATCH", 9, "lot_number")),
    "security that is none": (2, "1", {"security_mode": "X"}, one(BAD_VALUE, 2, "security_mode")),
    "lot number zero": (2, "1", {"lot_number": "0"}, [(BAD_VALUE, 2, "lot_number"), ("B2_HEADER_MISMATCH", 9, "lot_number")]),
    "other caisse": (39, "1", {"caisse": "346"}, one("B2_LOT_MISMATCH", 40, "caisse")),
    "other insurer": (31, "1", {"amc_number": "75912346"}, one("B2_LOT_MISMATCH", 32, "amc_number")),
    "records of the lot": (9, "6", {"record_count": "9"}, one(COUNT, 9, "record_count")),
    "insured share of the lot": (9, "6", {"total_patient_share": "901"}, one(TOTAL, 9, "total_patient_share")),
    "amo of the lot": (9, "6", {"total_amo": "2101"}, [(TOTAL, 9, "total_amo"), (TOTAL, 47, "total_amo")]),
    "fees of a lot that is not told": (9, "6", {"filler_73": "X"}, one("B2_BAD_FILLER", 9, "filler_73")),
    "sender at the end": (47, "999", {"sender_number": "750000028"}, one("B2_HEADER_MISMATCH", 47, "sender_number")),
    "lots of the file": (47, "999", {"lot_count": "5"}, one(COUNT, 47, "lot_count")),
    "invoices of the file": (47, "999", {"invoice_count": "5"}, one(COUNT, 47, "invoice_count")),
    "claims that differ": (34, "4", {"executor_zone": "27"}, one("B2_LOT_MISMATCH", 34, "executor_zone")),
    "claims whose lots differ": (31, "1", {"security_mode": "D"}, one("B2_LOT_MISMATCH", 32)),
    "flow 02 without the flag": (
        32, "2", {"split_flag": ""}, [("B2_LOT_MISMATCH", 32, "split_flag"), ("B2_LOT_MISMATCH", 32, "split_flag")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILE)
def test_one_broken_rule_of_a_file(case: str) -> None:
    record, record_type, zones, faults = FILE[case]
    assert told(changed(file("file1"), record, record_type, **zones)) == faults


ANSWERS: dict[str, tuple[str, int, str, dict[str, str], Told]] = {
    "refused without a code": ("arl1_positive", 2, "A1", {"verdict_sign": "-"}, one("B2_BAD_OUTCOME", 2, "verdict_sign")),
    "accepted with a record at fault": ("arl1_positive", 3, "A1", {"record_at_fault": "7"}, one("B2_BAD_OUTCOME", 3, "verdict_sign")),
    "verdict that is none": ("arl1_positive", 2, "A1", {"verdict_sign": "A"}, one(BAD_VALUE, 2, "verdict_sign")),
    "lots answered": ("arl1_positive", 6, "999", {"lot_count": "3"}, one(COUNT, 6, "lot_count")),
    "totals of an answer": ("arl1_positive", 6, "999", {"total_amo": "1"}, one(TOTAL, 6, "total_amo")),
    "caisse and insurer": ("rsp2_mixed", 2, "P1", {"amc_number": "75912345"}, one(BAD_VALUE, 2, "amc_number")),
    "neither caisse nor insurer": ("rsp2_mixed", 2, "P1", {"regime": "00"}, one(BAD_VALUE, 2, "regime")),
    "insurer with a caisse": (
        "rsp2_mixed", 2, "P1", {"regime": "00", "amc_number": "75912345"}, one(BAD_VALUE, 2, "caisse"),
    ),
    "paid less than claimed": ("rsp2_mixed", 3, "R1", {"paid": "2099"}, [("B2_BAD_OUTCOME", 3, "outcome"), (TOTAL, 2, "total"),
                                                                        (TOTAL, 11, "total")]),
    "rejected without a code": ("rsp2_mixed", 6, "R1", {"reject_code": ""}, one("B2_BAD_OUTCOME", 6, "outcome")),
    "waiting but paid": ("rsp2_mixed", 9, "R1", {"paid": "1"}, [("B2_BAD_OUTCOME", 9, "outcome"), (TOTAL, 2, "total"),
                                                                (TOTAL, 11, "total")]),
    "anomaly of another invoice": ("rsp2_mixed", 5, "R2", {"invoice_number": "303"}, one("B2_HEADER_MISMATCH", 5, "invoice_number")),
    "minus zero": ("rsp2_mixed", 9, "R1", {"paid_sign": "-"}, one(BAD_VALUE, 9, "paid_sign")),
    "records of an order": ("rsp2_mixed", 11, "P9", {"record_count": "7"}, one(COUNT, 11, "record_count")),
    "invoices answered": ("rsp2_mixed", 12, "999", {"invoice_count": "3"}, one(COUNT, 12, "invoice_count")),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_one_broken_rule_of_an_answer(case: str) -> None:
    stem, record, record_type, zones, faults = ANSWERS[case]
    assert told(changed(file(stem), record, record_type, **zones)) == faults


def test_an_invoice_in_the_flow_of_the_other_biller_is_another_invoice() -> None:
    """The same number of two billers is no duplicate; of one biller it is, once for each repetition."""
    assert told(run(1) * 3) == [("B2_DUPLICATE_NUMBER", 7, "invoice_number"), ("B2_DUPLICATE_NUMBER", 13, "invoice_number")]
    other = b"".join(line[:1] + b"200102689" + line[10:] for line in run(1).splitlines(keepends=True))
    assert told(run(1) + other) == []


def test_order_faults_come_before_the_faults_of_fields_and_sums() -> None:
    lines = changed(changed(file("file1"), 9, "6", total_fees="1"), 3, "2", regime="11").splitlines(keepends=True)
    del lines[45]
    assert told(b"".join(lines)) == [("B2_BAD_ORDER", 46, ""), (BAD_VALUE, 3, "regime"), (TOTAL, 9, "total_fees")]


def test_lots_cut_short_say_where_the_order_breaks() -> None:
    """Without the `6` of its lot the next `1` cannot stand there; what that lot counts is not known, and the other lots are checked."""
    lines = file("file1").splitlines(keepends=True)
    assert told(b"".join(lines[:8] + lines[9:]))[0] == ("B2_BAD_ORDER", 9, "")
    assert told(b"".join(lines[:8]))[0] == ("B2_BAD_ORDER", 9, "")
    assert told(file("file1")[: 46 * LINE]) == one("B2_BAD_ORDER", 47)
    assert told(b"".join(lines[:1] + lines[46:])) == one("B2_BAD_ORDER", 2)


def test_a_lot_without_invoices_is_out_of_order() -> None:
    lines = file("file1").splitlines(keepends=True)
    assert told(b"".join(lines[:2] + lines[8:]))[0] == ("B2_BAD_ORDER", 3, "")
