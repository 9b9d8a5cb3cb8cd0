# SPDX-License-Identifier: Apache-2.0
"""Sign in by a provider of identities: whom it vouches for is let in, and nobody else, whatever is wrong with what it says."""

import asyncio
import dataclasses
import functools
import itertools
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestServer
from joserfc.jwk import OctKey, RSAKey

from api.auth import COOKIE
from api.oidc import BEGUN
from desmos_fast.base.identifiers import luhn_sum_is_zero
from desmos_fast.identity.oidc.model import Metadata, OidcUnavailable
from desmos_fast.identity.oidc.rules import check_metadata
from desmos_fast.identity.people.policy import Oidc
from tests.api.conftest import Desk, House, Reply
from tests.api.identities import CLIENT, SECRET, Identities, new_key
from tests.api.people import login, set_policy
from tests.api.test_access import delete
from tests.api.test_audit import trail

_NUMBERS: Final = itertools.count(1)


@functools.cache
def key(kid: str) -> RSAKey:
    return new_key(kid)


def rpps() -> str:
    """Make an RPPS number that no other test has."""
    body = f"899{next(_NUMBERS):07d}"
    return next(body + str(digit) for digit in range(10) if luhn_sum_is_zero(body + str(digit)))


@dataclasses.dataclass
class Way:
    """A provider, the service that knows it, a doctor, and the browser that they have in common."""

    identities: Identities
    desk: Desk
    user: dict[str, Any]

    async def begin(self, query: str = "") -> tuple[str, str]:
        """Go to the provider and back; return the way back and the cookie."""
        reply = await self.get(f"/v1/oidc/start{query}")
        assert reply.status == 302, reply.body
        cookie, *rest = reply.headers["Set-Cookie"].split("; ")
        assert cookie.startswith(f"{BEGUN}=") and {"HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=600"} <= set(rest)
        async with self.desk.house.session.get(reply.headers["Location"], allow_redirects=False) as response:
            assert response.status == 302
            back = urlsplit(response.headers["Location"])
        return f"{back.path}?{back.query}", cookie

    async def get(self, path: str, cookie: str = "") -> Reply:
        async with self.desk.house.session.get(
            self.desk.house.url + path, headers={"Cookie": cookie} if cookie else {}, allow_redirects=False
        ) as response:
            return Reply(response.status, await response.read(), response.headers)

    async def come_back(self, query: str = "") -> Reply:
        return await self.get(*await self.begin(query))

    async def refused(self) -> tuple[int, str, str]:
        reply = await self.come_back()
        assert "dsf_session" not in str(reply.headers)
        return reply.status, reply.code, reply.json["detail"]


@pytest.fixture
async def way(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Way]:
    identities = Identities(key("a"))
    async with TestServer(identities.application()) as provider:
        identities.issuer = str(provider.make_url("")).rstrip("/")
        identities.redirect_uri = "http://127.0.0.1:9/v1/oidc/callback"
        (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
        set_policy(
            monkeypatch, tmp_path, "[oidc]", f'issuer = "{identities.issuer}"', f'client_id = "{CLIENT}"', 'landing = "/bureau"',
            f'client_secret_file = "{tmp_path / "secret"}"', f'redirect_uri = "{identities.redirect_uri}"',
        )  # fmt: skip
        async with TestServer(house.application()) as server:
            there = dataclasses.replace(desk, house=dataclasses.replace(house, url=str(server.make_url("")).rstrip("/")))
            number = rpps()
            made = await there.post("/v1/users", {"login": login(), "name": "Dr Durand", "roles": ["admin"], "rpps": number})
            assert made.status == 201, made.body
            identities.subject = f"8{number}"
            yield Way(identities, there, made.json)


async def test_whom_the_provider_vouches_for_is_signed_in(way: Way) -> None:
    reply = await way.come_back()
    assert reply.status == 200 and 'content="0;url=/bureau"' in reply.body.decode()
    cookies = reply.headers.getall("Set-Cookie")  # type: ignore[attr-defined]
    [mine] = [one for one in cookies if one.startswith(f"{COOKIE}=dsf_session_")]
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= set(mine.split("; "))
    assert any(one.startswith(f"{BEGUN}=") and "Max-Age=0" in one for one in cookies)
    # An administrator, let in without a code generator of ours: the provider asked for more than a password.
    seen = await way.get("/v1/keys", mine.partition(";")[0])
    assert seen.status == 200, seen.body
    assert (await way.get("/v1/me", mine.partition(";")[0])).json["id"] == way.user["id"]
    [opened] = [row for row in await trail(way.desk) if row["action"] == "session.opened"]
    assert (opened["actor"], opened["filter"]) == (way.user["id"], "by=oidc&acr=eidas1")
    assert (await delete(way.desk, f"/v1/users/{way.user['id']}")).code == "last_admin"


async def test_the_eleven_digits_are_enough(way: Way) -> None:
    way.identities.subject = way.identities.subject[1:]
    assert (await way.come_back()).status == 200


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        (lambda c: c | {"nonce": "another"}, "oidc_token_invalid", "nonce"), (without("nonce"), "oidc_token_invalid", "nonce"),
        (lambda c: c | {"aud": "another"}, "oidc_token_invalid", "audience"), (without("aud"), "oidc_token_invalid", "audience"),
        (lambda c: c | {"aud": [CLIENT, "another"]}, "oidc_token_invalid", "audience"),
        (lambda c: c | {"aud": [CLIENT, "another"], "azp": "another"}, "oidc_token_invalid", "audience"),
        (lambda c: c | {"iss": "https://elsewhere.example"}, "oidc_token_invalid", "issuer"),
        (without("iss"), "oidc_token_invalid", "issuer"),
        (lambda c: c | {"exp": time.time() // 1 - 61}, "oidc_token_invalid", "expired"), (without("exp"), "oidc_token_invalid", "expired"),
        (lambda c: c | {"exp": int(time.time()) - 61}, "oidc_token_invalid", "expired"),
        (lambda c: c | {"iat": int(time.time()) - 700}, "oidc_token_invalid", "another time"),
        (lambda c: c | {"iat": int(time.time()) + 90}, "oidc_token_invalid", "another time"),
        (without("iat"), "oidc_token_invalid", "another time"), (without("sub"), "oidc_token_invalid", "names nobody"),
        (lambda c: c | {"acr": "eidas0"}, "oidc_level", "eidas1"), (without("acr"), "oidc_level", "eidas1"),
        (lambda c: c | {"acr": ["eidas1"]}, "oidc_level", "eidas1"),
    ],
)  # fmt: skip
async def test_a_token_that_does_not_hold_lets_nobody_in(way: Way, change: Any, code: str, why: str) -> None:
    way.identities.claims = change
    status, told, detail = await way.refused()
    assert (status, told) == (403 if code == "oidc_level" else 401, code) and why in detail
    way.identities.claims = lambda claims: claims | {"aud": [CLIENT, "another"], "azp": CLIENT, "exp": int(time.time()) - 30}
    assert (await way.come_back()).status == 200


async def test_a_signature_of_another_key_lets_nobody_in(way: Way) -> None:
    for header, signing in (
        ({"alg": "RS256", "kid": "a"}, key("b")),  # signed by another, under the name of the one that is known
        ({"alg": "RS256", "kid": "b"}, key("b")),  # by one that the provider does not publish
        ({"alg": "RS512", "kid": "a"}, key("a")),  # by the right one, in a way that is not asked for
        ({"alg": "HS256", "kid": "a"}, OctKey.import_key(SECRET * 3)),  # by a secret, as no provider that is asked for keys does
    ):
        way.identities.header, way.identities.signing = header, signing
        status, code, detail = await way.refused()
        assert (status, code) == (401, "oidc_token_invalid") and "signature" in detail, header
    way.identities.header, way.identities.signing = {"alg": "RS256", "kid": "a"}, None
    assert (await way.come_back()).status == 200


async def test_keys_may_change(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await way.come_back()).status == 200
    assert way.identities.asked.count("/jwks") == way.identities.asked.count("/.well-known/openid-configuration") == 1
    monkeypatch.setattr("desmos_fast.identity.oidc.provider.AGAIN_S", 0.0)
    way.identities.key, way.identities.header = key("b"), {"alg": "RS256", "kid": "b"}
    assert (await way.come_back()).status == 200
    assert way.identities.asked.count("/jwks") == 2


async def test_a_code_is_good_once_and_for_the_browser_that_began(way: Way) -> None:
    path, cookie = await way.begin()
    other_path, other_cookie = await way.begin()
    for wrong in ("", other_cookie, f"{BEGUN}=AAAA", f"{BEGUN}={cookie[-20:]}", f"{BEGUN}=é"):
        reply = await way.get(path, wrong)
        assert (reply.status, reply.code) == (400, "oidc_state"), wrong
    code = parse_qs(urlsplit(path).query)["code"][0]
    swapped = other_path.replace(parse_qs(urlsplit(other_path).query)["code"][0], code)
    # The code of another sign-in: its verifier is not the one that was shown.
    assert (await way.get(swapped, other_cookie)).code == "oidc_refused"
    path, cookie = await way.begin()
    assert (await way.get(path, cookie)).status == 200
    again = await way.get(path, cookie)
    assert (again.status, again.code) == (401, "oidc_refused") and code not in again.body.decode()


async def test_who_begins_too_long_ago_begins_again(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cookie = await way.begin()
    monkeypatch.setattr("desmos_fast.identity.oidc.service.LASTS", timedelta(0))
    assert (await way.get(path, cookie)).code == "oidc_state"


async def test_nobody_else_is_let_in(way: Way) -> None:
    known, way.identities.subject = way.identities.subject, f"8{rpps()}"
    assert (await way.refused())[:2] == (403, "oidc_subject")
    way.identities.subject = "899700000000"
    assert "RPPS" in (await way.refused())[2]
    way.identities.subject = known
    way.identities.person = lambda told: told | {"sub": "another"}
    assert (await way.refused())[1:] == ("oidc_token_invalid", "the provider tells of another person than the token")
    way.identities.person = lambda told: told
    assert (await way.come_back("?centre=750000018")).code == "oidc_subject"
    assert (await way.come_back("?kind=live")).code == "oidc_subject"
    assert (await way.come_back(f"?kind=test&centre={way.desk.finess}")).status == 200
    second = await way.desk.post("/v1/users", {"login": login(), "name": "Dr Martin", "roles": ["admin"]})
    assert (await delete(way.desk, f"/v1/users/{way.user['id']}")).status == 204
    assert (await way.refused())[:2] == (403, "oidc_subject")
    # The number stays with the person who had it.
    again = await way.desk.post(f"/v1/users/{second.json['id']}:change", {"rpps": known[1:]})
    assert again.code == "user_known"


async def test_a_provider_that_fails_is_told_and_the_rest_goes_on(way: Way) -> None:
    for path in ("/token", "/jwks", "/userinfo"):
        way.identities.down = path
        status, code, _ = await way.refused()
        assert (status, code) == (503, "oidc_unavailable"), path
    way.identities.down = ""
    refused = await way.get("/v1/oidc/callback?error=access_denied&error_description=non&state=x")
    assert (refused.status, refused.code) == (401, "oidc_refused")
    assert (await way.come_back()).status == 200


async def test_another_provider_than_the_one_that_is_set_is_refused(way: Way) -> None:
    way.identities.issuer = way.identities.issuer.replace("127.0.0.1", "localhost")
    reply = await way.get("/v1/oidc/start")
    assert (reply.status, reply.code) == (503, "oidc_unavailable") and "another one" in reply.json["detail"]


@pytest.mark.parametrize("address", ["https://[", "http://identites.example/token", ""])
def test_a_provider_whose_addresses_cannot_be_used_is_told(address: str) -> None:
    home = "https://identites.example"
    provider = Oidc(issuer=home, client_id=CLIENT, client_secret_file="", redirect_uri=f"{home}/back")
    ends = {name: home for name in ("token_endpoint", "userinfo_endpoint", "jwks_uri")}
    with pytest.raises(OidcUnavailable, match="authorization_endpoint"):
        check_metadata(provider, Metadata(issuer=home, authorization_endpoint=address, **ends))


def test_a_provider_that_tells_where_its_keys_are_without_tls_is_refused() -> None:
    home = "http://identites.example"
    provider = Oidc(issuer=home, client_id=CLIENT, client_secret_file="", redirect_uri="https://centre.example/back")
    ends = dict.fromkeys(("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"), "https://identites.example/x")
    with pytest.raises(OidcUnavailable, match="issuer of the provider is not https"):
        check_metadata(provider, Metadata(issuer=home, **ends))


@pytest.mark.parametrize("query", ["?kind=x", "?state=x", "?centre=a&centre=b"])
async def test_what_begins_has_its_form(way: Way, query: str) -> None:
    assert (await way.get(f"/v1/oidc/start{query}")).code == "bad_parameter"


async def test_without_a_provider_there_is_none(desk: Desk) -> None:
    for path in ("/v1/oidc/start", "/v1/oidc/callback?code=a&state=b"):
        reply = await desk.house.send("GET", path, {})
        assert (reply.status, reply.code) == (409, "oidc_missing")


@pytest.mark.parametrize("number", ["", "10000000001", "1000000000", "x" * 11])
async def test_a_wrong_rpps_is_refused(desk: Desk, number: str) -> None:
    reply = await desk.post("/v1/users", {"login": login(), "name": "Dr Durand", "roles": ["ops"], "rpps": number})
    assert reply.code == "user_refused"


async def test_two_who_come_with_one_code_are_one(way: Way) -> None:
    path, cookie = await way.begin()
    replies = await asyncio.gather(*(way.get(path, cookie) for _ in range(3)))
    assert sorted(reply.status for reply in replies) == [200, 401, 401]
