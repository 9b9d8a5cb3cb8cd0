# SPDX-License-Identifier: Apache-2.0
"""The page of a reception desk: itself, its files, what it asks the service for, and tickets for the agent of its workstation."""

from importlib.resources import files
from typing import Final

import aiohttp_jinja2
from aiohttp import web
from jinja2 import PackageLoader, StrictUndefined

from api.agents import AGENCY, of_house
from api.auth import BY_ITSELF, COOKIE, authenticate
from api.body import LIMIT, read_body, route_of, uuid_of
from api.keys import CALLER, DOOR, POOL
from api.openapi import File, answer, file
from api.problems import ApiError, NotFound, Unauthorized
from api.titles import PROBLEMS
from api.writes import context_of, json_answer, respond
from desmos_fast.agents import service
from desmos_fast.agents.model import AgentRefused, ReaderPage
from desmos_fast.agents.tickets import Use
from desmos_fast.agents.wire import LOOPBACK_HEALTH, LOOPBACK_PATH, LOOPBACK_PORTS
from desmos_fast.base.errors import InvalidInput
from desmos_fast.db.tenant import transaction
from desmos_fast.identity import rights
from desmos_fast.identity.model import UnknownKey
from desmos_fast.identity.people.errors import EnrolmentNeeded

routes: Final = web.RouteTableDef()
PATHS: Final = frozenset({"/poste", "/poste/lecteurs", "/poste/{file}"})
READ: Final = ("POST", "/v1/agents/{id}:read")
MOST_SHOWN: Final = 50
_PORTS: Final = " ".join(f"{scheme}://127.0.0.1:{port}" for port in LOOPBACK_PORTS for scheme in ("http", "ws"))
POLICY: Final = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {_PORTS}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# What a reading may fail with, and what whoever sits at the desk does about it.
ADVICE: Final = {
    "card_removed": "Remettez la carte et laissez-la dans le lecteur jusqu'à la fin.",
    "card_reset": "Fermez l'autre logiciel qui lit les cartes, puis remettez la carte.",
    "card_busy": "Un autre logiciel lit la carte : attendez qu'il ait fini, puis remettez-la.",
    "card_mute": "Retournez la carte : la puce doit entrer en premier.",
    "card_answer": "Essuyez la puce et remettez la carte ; essayez-en une autre si cela continue.",
    "card_timeout": "Présentez la carte à nouveau.",
    "card_nir_key": "Ne vous fiez pas à cette carte : demandez une attestation de droits.",
    "card_no_identity": "Demandez une attestation de droits ; la carte doit peut-être être remplacée.",
    "reader_removed": "Rebranchez le lecteur.",
    "pcsc_service": "Le service de cartes du poste s'est arrêté : il est relancé de lui-même, patientez.",
    "reader_failed": "Retirez et remettez la carte ; si cela continue, redémarrez le poste.",
}
TYPES: Final = {"htmx.min.js": "text/javascript", "poste.js": "text/javascript", "poste.css": "text/css", "carte.svg": "image/svg+xml"}
FILES: Final[dict[str, File]] = {}


def set_up(app: web.Application) -> None:
    """Let an application show the page."""
    aiohttp_jinja2.setup(
        app,
        loader=PackageLoader("api", "pages"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name, kind in TYPES.items():
        FILES[name] = file((files("api") / "pages" / name).read_bytes(), kind)
    app.on_response_prepare.append(_dress)


async def _dress(request: web.Request, response: web.StreamResponse) -> None:
    route = route_of(request)
    if route in PATHS:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        if route == "/poste/{file}" and response.status in (200, 304):
            response.headers["Cache-Control"] = "public, max-age=300"


async def _signed_in(request: web.Request) -> bool:
    """Say whether a person asks whose session lasts. Raises RoleMissing, EnrolmentNeeded for one who may not read cards."""
    if COOKIE not in request.cookies or "Authorization" in request.headers:
        return False
    try:
        caller = request[CALLER] = await authenticate(request, by_itself=route_of(request) in BY_ITSELF)
    except (UnknownKey, ApiError):
        return False
    rights.check(*READ, caller.roles)
    if request.app[DOOR].enrolment_needed(caller.roles, strong=caller.person is not None and caller.person.strong):
        raise EnrolmentNeeded("a code generator is needed for this role")
    return True


@routes.get("/poste")
async def page(request: web.Request) -> web.StreamResponse:
    """Show the page of a reception desk to who is signed in, and otherwise a way in."""
    refused = ""
    try:
        signed_in = await _signed_in(request)
    except InvalidInput as error:
        signed_in, refused = False, PROBLEMS[error.code].fr
    context = {
        "refused": refused,
        "ports": " ".join(map(str, LOOPBACK_PORTS)), "health": LOOPBACK_HEALTH, "path": LOOPBACK_PATH,
        "failures": [(code, PROBLEMS[code].fr, advice) for code, advice in ADVICE.items()],
        "hashes": {name: found.etag for name, found in FILES.items()},
    }  # fmt: skip
    name = "poste.html.jinja" if signed_in else "connexion.html.jinja"
    return aiohttp_jinja2.render_template(name, request, context)


@routes.get("/poste/lecteurs")
async def readers(request: web.Request) -> web.StreamResponse:
    """Show the readers of the centre, as a part of the page."""
    if not await _signed_in(request):
        raise Unauthorized("a session is needed")
    context = of_house(request, context_of(request))
    async with transaction(request.app[POOL], context.tenant) as con:
        found: ReaderPage = await service.readers(con, context, None, MOST_SHOWN, str)
    return aiohttp_jinja2.render_template("lecteurs.html.jinja", request, {"readers": found.readers, "more": found.next is not None})


@routes.get("/poste/{file}")
async def part(request: web.Request) -> web.StreamResponse:
    """Give a file of the page."""
    found = FILES.get(request.match_info["file"])
    if found is None:
        raise NotFound("the page has no such file")
    return answer(request, found)


@routes.post("/v1/agents/{id}:watch")
async def watch(request: web.Request) -> web.StreamResponse:
    """Make a ticket with which a page sees what the readers of its own workstation do; nothing of what a card says."""
    return await _ticket(request, "watch")


@routes.post(READ[1])
async def read_card(request: web.Request) -> web.StreamResponse:
    """Make a ticket with which a page reads one card at its own workstation; that it is about to be read is in the audit."""
    return await _ticket(request, "read")


async def _ticket(request: web.Request, use: Use) -> web.StreamResponse:
    """Answer with a ticket. No Idempotency-Key: its answer would be kept, and a ticket lasts a minute."""
    name, origin = uuid_of(request, "id"), request.headers.get("Origin", "")
    if await read_body(request, LIMIT, empty=True) not in (b"", b"{}"):
        raise AgentRefused("a ticket takes no body")
    if not origin or len(origin) > 255:
        raise AgentRefused("a ticket is for a page: it comes with its Origin")
    context = of_house(request, context_of(request))
    async with transaction(request.app[POOL], context.tenant) as con:
        made = await service.make_ticket(con, context, name, use, origin, request.app[AGENCY].authority)
    return respond(json_answer(made))
