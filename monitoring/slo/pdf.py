# SPDX-License-Identifier: Apache-2.0
"""The report of a month as a PDF, with the rows and the arithmetic of the page of Markdown."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from monitoring.slo.page import (
    APART,
    AVAILABILITY,
    LIMITS,
    RECOVERY,
    Row,
    arithmetic,
    availability_rows,
    heading,
    limit_rows,
    recovery_rows,
)
from monitoring.slo.report import Report

STYLES: Final = getSampleStyleSheet()
GRID: Final = [
    ("FONTSIZE", (0, 0), (-1, -1), 8), ("GRID", (0, 0), (-1, -1), 0.25, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
]  # fmt: skip
BROKEN: Final = colors.Color(0.75, 0.1, 0.1)
MARGIN: Final = 15 * mm
# What the standard fonts of a PDF cannot draw, and what stands for it.
SPELT: Final = str.maketrans({"\N{MINUS SIGN}": "-", "\N{LESS-THAN OR EQUAL TO}": "<="})


def render(report: Report) -> bytes:
    """Return a report as a PDF; the same report gives the same bytes."""
    out = BytesIO()
    title = f"Availability in {report.month}"
    SimpleDocTemplate(
        out, pagesize=landscape(A4), leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN, title=title,
        author="desmos_fast", invariant=1,
    ).build(list(_parts(report, title)), onFirstPage=_foot, onLaterPages=_foot)  # fmt: skip
    return out.getvalue()


def _parts(report: Report, title: str) -> Iterator[Flowable]:
    yield Paragraph(title, STYLES["Title"])
    yield _text(heading(report).replace("`", ""))
    yield Paragraph("Availability", STYLES["Heading2"])
    yield _table(AVAILABILITY, availability_rows(report))
    yield Spacer(0, 3 * mm)
    for one in report.availability:
        yield _text(arithmetic(one))
    yield Paragraph("Recovery", STYLES["Heading2"])
    yield _text(APART)
    yield _table(RECOVERY, recovery_rows(report))
    yield Paragraph("Saving and restoring", STYLES["Heading2"])
    yield _table(LIMITS, limit_rows(report))


def _table(head: Row, rows: list[Row]) -> Table:
    broken: list[Any] = [
        ("TEXTCOLOR", (column, line), (column, line), BROKEN)
        for line, row in enumerate(rows, 1)
        for column, cell in enumerate(row)
        if cell == "NO"
    ]
    cells: list[list[Any]] = [list(head)] + [[_cell(cell) for cell in row] for row in rows]
    return Table(cells, repeatRows=1, hAlign="LEFT", style=TableStyle(GRID + broken))


def _cell(cell: object) -> object:
    text = str(cell).translate(SPELT)
    # What is told in words may be longer than a column is wide.
    return Paragraph(_escaped(text), STYLES["BodyText"]) if len(text) > 40 else text


def _text(text: str) -> Paragraph:
    return Paragraph(_escaped(text.translate(SPELT)), STYLES["BodyText"])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _foot(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(landscape(A4)[0] - MARGIN, 8 * mm, f"desmos_fast, test profile - {document.page}")
