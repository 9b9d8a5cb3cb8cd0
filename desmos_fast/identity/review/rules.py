# SPDX-License-Identifier: Apache-2.0
"""What is found of an account. Pure."""

from collections.abc import Sequence
from datetime import date

import msgspec

from desmos_fast.base.clock import paris_date
from desmos_fast.identity.model import ROLES
from desmos_fast.identity.review.model import Finding, Review, Reviewed


def judge(one: Reviewed, since: date) -> Reviewed:
    """Return an account with what is found of it; one that is younger than the span is told for nothing but that it was never used."""
    findings: list[Finding] = []
    old = paris_date(one.made_at) < since
    if one.used_at is None:
        findings.append("never_used")
    elif old and paris_date(one.used_at) < since:
        findings.append("not_used")
    unused = tuple(role for role, day in one.roles_used.items() if old and (day is None or day < since))
    if unused and not findings:
        findings.append("role_not_used")
    return msgspec.structs.replace(one, findings=tuple(findings), unused=unused)


def review(accounts: Sequence[Reviewed], days: int, since: date) -> Review:
    """Return the whole of it, in an order that stays the same."""
    judged = sorted((judge(one, since) for one in accounts), key=lambda one: (not one.findings, one.account, one.name, one.id))
    used = {role for one in judged for role, day in one.roles_used.items() if day is not None and day >= since}
    given = {role for one in judged for role in one.roles_used}
    return Review(days=days, since=since, accounts=judged, roles_unused=[role for role in ROLES if role in given - used])
