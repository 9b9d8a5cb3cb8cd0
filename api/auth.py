# SPDX-License-Identifier: Apache-2.0
"""Who is calling, by one API key or token in `Authorization: Bearer`, or by the cookie of a session; what they may do; what they saw."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec
from aiohttp import web

from api.body import UNMATCHED
from api.keys import CALLER, CEILING, CLOCK, DOOR, ITEMS, KEYS, POOL, REQUEST_ID, TRAIL, USES
from api.logs import mask_text
from api.problems import Unauthorized
from desmos_fast.base.errors import InvalidInput
from desmos_fast.identity import rights
from desmos_fast.identity.audit.model import Access
from desmos_fast.identity.lookups.model import Look
from desmos_fast.identity.model import Caller, Person, is_session
from desmos_fast.identity.people.errors import EnrolmentNeeded, NotAPerson
from desmos_fast.identity.rights import Rule

_ANSWER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(Sequence[msgspec.Raw])


# The prefix has browsers refuse it without Secure, from elsewhere than the root, and for other hosts.
COOKIE: Final = "__Host-desmos"
SAFE: Final = frozenset({"GET", "HEAD"})
# What the page of a desk asks again and again, whether or not anybody sits there.
BY_ITSELF: Final = frozenset({"/v1/agents/{id}:watch", "/poste/lecteurs"})


class CrossSite(InvalidInput):
    """A browser was sent here by a page of somebody else."""

    code = "cross_site"


async def authenticate(request: web.Request, *, by_itself: bool = False) -> Caller:
    """Return the caller of a request; what a page asks `by_itself` keeps no session alive.

    Raises Unauthorized, CrossSite, UnknownKey or DatabaseDown.
    """
    given = request.headers.getall("Authorization", [])
    if not given and COOKIE in request.cookies:
        if request.method not in SAFE:
            check_origin(request)
        token = request.cookies[COOKIE]
        if not is_session(token):
            raise Unauthorized("the cookie is none of ours")
        return await request.app[KEYS].authenticate(request.app[POOL], token, by_itself=by_itself)
    if len(given) != 1:
        raise Unauthorized("one Authorization header is needed: `Bearer dsf_…`")
    scheme, _, secret = given[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("the scheme of Authorization is Bearer")
    return await request.app[KEYS].authenticate(request.app[POOL], secret.strip(), by_itself=by_itself)


def check_origin(request: web.Request) -> None:
    """Refuse what a browser does not say to come from a page of this very host. Raises CrossSite."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    try:
        same = origin is not None and urlsplit(origin).netloc == request.host
    except ValueError:
        same = False
    if site != "same-origin" if site is not None else not same:
        raise CrossSite("with the cookie of a session only pages of this host ask for changes", hint="programs send Authorization: Bearer")


def allow(request: web.Request, route: str) -> Rule | None:
    """Return the rule of a route that the caller may ask for, None for a path that leads nowhere, which says so itself.

    Raises RoleMissing, EnrolmentNeeded.
    """
    if route == UNMATCHED:
        return None
    method, caller = "GET" if request.method == "HEAD" else request.method, request[CALLER]
    rule = rights.check(method, route, caller.roles)
    if (method, route) not in rights.PERSONAL:
        request.app[USES].note(request.app[POOL], caller, rule.roles, request.app[CLOCK])
    person = caller.person
    if person is None or (method, route) in rights.PERSONAL:
        return rule
    if request.app[DOOR].enrolment_needed(caller.roles, strong=person.strong):
        raise EnrolmentNeeded("a code generator is needed for this role", hint="POST /v1/me/totp, then /v1/me/totp:confirm")
    return rule


def person_of(request: web.Request) -> Person:
    """Return who is signed in. Raises NotAPerson for a key."""
    person = request[CALLER].person
    if person is None:
        raise NotAPerson("a key has no password, code generator or session of its own", hint="sign in with POST /v1/sessions")
    return person


async def note(request: web.Request, rule: Rule, route: str, response: web.StreamResponse) -> None:
    """Keep that the caller is about to see what is answered; no answer leaves without. Raises DatabaseDown, CeilingReached."""
    if not rule.audited or response.status >= 400:
        return
    caller = request[CALLER]
    access = Access(
        at=request.app[CLOCK](),
        actor=str(caller.key_id),
        action=f"{request.method} {route}",
        subject=mask_text("/".join(request.match_info.values())),
        request=request[REQUEST_ID],
        items=_count(request, rule, response),
        filter=_asked(request),
    )
    # A file is one look-up whatever it holds: its rows are counted in the trail.
    items = access.items if rule.audited == "read" else 1
    ceiling = request[CEILING] = request.app[DOOR].policy.ceiling(caller.roles, person=caller.person is not None)
    await request.app[TRAIL].add(caller.tenant, access, Look(caller.key_id, access.at, items, ceiling))


def _asked(request: web.Request) -> str:
    """Return the query as it was asked, sorted, any NIR hidden before blanks in it become something else."""
    return urlencode(sorted((name, mask_text(value)) for name, value in request.query.items()), safe="/:,*")


def _count(request: web.Request, rule: Rule, response: web.StreamResponse) -> int:
    if ITEMS in request:
        return request[ITEMS]
    if rule.items and isinstance(response, web.Response) and isinstance(response.body, bytes):
        found = _ANSWER.decode(response.body).get(rule.items)
        if found is not None:
            return len(_LIST.decode(found))
    return 1


async def noting(app: web.Application) -> AsyncIterator[None]:
    """Wait, when the application ends, for the uses of keys and roles that are being noted."""
    yield
    await app[KEYS].close()
    await app[USES].close()
