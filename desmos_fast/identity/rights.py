# SPDX-License-Identifier: Apache-2.0
"""Which roles may ask for which route, and which answers are a look at patients' data: one table, read once."""

import csv
from collections.abc import Mapping
from importlib.resources import files
from typing import Final, Literal, NamedTuple, get_args

from desmos_fast.base.errors import InvalidInput, OurBug
from desmos_fast.identity.model import ROLES

Look = Literal["", "read", "export"]


# What is asked for before one is anybody.
OPEN: Final = frozenset({
    ("POST", "/v1/sessions"), ("POST", "/v1/passwords"), ("GET", "/v1/oidc/start"), ("GET", "/v1/oidc/callback"),
    ("POST", "/v1/agents:enrol"),
})  # fmt: skip
# What only a person has, whatever the roles; the only thing that who must enrol a code generator may ask for.
PERSONAL: Final = frozenset({
    ("GET", "/v1/sessions"), ("DELETE", "/v1/sessions"), ("DELETE", "/v1/sessions/{id}"), ("POST", "/v1/sessions:end-all"),
    ("GET", "/v1/me"), ("POST", "/v1/me/password"), ("POST", "/v1/me/totp"), ("POST", "/v1/me/totp:confirm"),
})  # fmt: skip


class RoleMissing(InvalidInput):
    """The key has none of the roles that may do this."""

    code = "role_missing"


class Rule(NamedTuple):
    """Who may ask for a route; whether its answer enters the audit, and under which name it has its list, if it has one."""

    roles: frozenset[str]
    audited: Look
    items: str


def _read() -> Mapping[tuple[str, str], Rule]:
    with (files("desmos_fast.identity") / "routes.csv").open(encoding="utf-8") as table:
        return {(row["method"], row["route"]): _rule(row) for row in csv.DictReader(table)}


def _rule(row: Mapping[str, str]) -> Rule:
    roles = row["roles"].split()
    for look in get_args(Look):
        if look == row["audited"] and roles and ROLES.keys() >= set(roles):
            return Rule(frozenset(roles), look, row["items"])
    raise OurBug(f"the row of {row['method']} {row['route']} names no role, an unknown one, or an unknown kind of audit")


RULES: Final = _read()


def check(method: str, route: str, roles: frozenset[str]) -> Rule:
    """Return the rule of a route for who has one of its roles; a route without a rule is nobody's. Raises RoleMissing."""
    rule = RULES.get((method, route))
    if rule is None:
        raise RoleMissing(f"{method} {route} is open to no role")
    if rule.roles.isdisjoint(roles):
        needed = [name for name in ROLES if name in rule.roles]
        raise RoleMissing(
            f"{method} {route} needs one of the roles {', '.join(needed)}; this one has {', '.join(sorted(roles))}",
            hint="an administrator of the centre gives other roles",
        )
    return rule
