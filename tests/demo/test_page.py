# SPDX-License-Identifier: Apache-2.0
"""What the people of a centre see: French amounts, the page without network, the table."""

import io
import re
from html.parser import HTMLParser

import pytest

from desmos_fast.base.french import HARD, THIN, euros, whole
from desmos_fast.demo import labels
from desmos_fast.demo.labels import reason, seconds
from desmos_fast.demo.model import Check, Invariants
from desmos_fast.demo.page import permille, render
from desmos_fast.demo.show import Watch, table_of
from tests.demo.days import summary

VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Keeps the tags that are open, and every attribute that could fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [name for name, _ in attrs if name in ("src", "href", "action", "srcset", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize(
    ("cents", "text"),
    [(0, "0,00 €"), (5, "0,05 €"), (-5, "−0,05 €"), (123_456_789, "1 234 567,89 €"), (-100, "−1,00 €"), (99_999, "999,99 €")],
)
def test_amounts_are_written_as_french_does(cents: int, text: str) -> None:
    assert euros(cents).replace(THIN, " ").replace(HARD, " ") == text


def test_numbers_durations_and_reasons_are_french() -> None:
    assert whole(1_234_567) == f"1{THIN}234{THIN}567"
    assert seconds(3.25) in (f"3,2{HARD}s", f"3,3{HARD}s")
    assert reason("absent:nir,care_date") == "donnée absente : nir,care_date"
    assert reason("payer_unknown") == labels.REASONS["payer_unknown"]
    assert reason("never_heard_of") == "never_heard_of"


@pytest.mark.parametrize(("cents", "most", "length"), [(0, 0, 0), (5, 10, 500), (10, 10, 1000), (-5, 10, 0), (1, 3, 333)])
def test_a_bar_is_as_long_as_its_share_of_the_longest(cents: int, most: int, length: int) -> None:
    assert permille(cents, most) == length


def test_the_page_needs_no_network_and_says_that_it_is_a_test_profile() -> None:
    page = render(summary())
    read_page = read(page)
    assert read_page.fetched == []
    assert "http://" not in page and "https://" not in page and "url(" not in page and "<script" not in page
    assert "Profil d'essai, non agréé" in read_page.text
    assert "default-src 'none'" in page


def test_the_page_shows_the_figures_and_escapes_names() -> None:
    day = summary()
    page = read(render(day))
    for cents in (day.invoices.cents, day.desk, day.payers[0].received, day.unmatched_credits[0].amount, day.ledger["produit"]):
        assert euros(cents) in page.text
    assert "CAISSE <ESSAI>" in page.text
    assert "<ESSAI>" not in render(day)
    assert labels.REASONS["payer_unknown"] in page.text


def test_the_page_of_a_day_without_anything_missing_or_rejected_says_so() -> None:
    page = read(render(summary(unmatched_credits=[], unmatched_lines=[], rejects={})))
    assert "Tous les virements reçus sont rapprochés" in page.text
    assert "Aucun rejet" in page.text
    assert "Écarts" not in page.text


def test_differences_are_shown_on_the_page() -> None:
    assert "la banque dit 3, la vérité 4" in read(render(summary(differences=["la banque dit 3, la vérité 4"]))).text


def printed(day_width: int, **changes: object) -> str:
    watch = Watch(io.StringIO())
    watch.console.width = day_width
    with watch.console.capture() as captured:
        watch.console.print(table_of(summary(**changes)))
    return captured.get()


def test_the_table_gives_the_outcome_of_the_day() -> None:
    text = printed(120)
    for words in ("Factures signées", "ARL positifs", "ARL négatifs", "Rejets : Droits de l'assuré", "Virements rapprochés", "tenus"):
        assert words in text
    assert euros(25_034_512) in text
    assert "ROMPUS" in printed(120, invariants=Invariants(False, [Check("I4", False, 9, 2)]))


def test_stages_are_told_as_plain_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    watch = Watch(out)
    with watch.stage("Factures signées", 3, "facture") as step:
        step(2)
        step(1)
    assert re.fullmatch(r"Factures signées : 3 factures, [0-9]+,[0-9]\u00a0s.*\n", out.getvalue())
    assert [(stage.name, stage.count) for stage in watch.stages] == [("Factures signées", 3)]


def test_a_stage_that_fails_is_not_told_as_done() -> None:
    out = io.StringIO()
    watch = Watch(out)
    with pytest.raises(RuntimeError), watch.stage("Factures signées", 3, "facture") as step:
        step(1)
        raise RuntimeError
    assert (out.getvalue(), watch.stages) == ("", [])
