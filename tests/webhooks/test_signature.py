# SPDX-License-Identifier: Apache-2.0
"""Signatures of deliveries against a receiver that is written from the specification alone."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desmos_fast.base.signature import read_secret, sign, verify, write_secret
from tests.oracle.standard_webhooks import NotVerified, key_of, verified

NOW = 1_764_057_600
NAME = "01a213f4-5c7e-7000-8000-000000000001"


@given(keys=st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3, unique=True), body=st.binary(max_size=300))
def test_each_secret_in_use_is_enough(keys: list[bytes], body: bytes) -> None:
    secrets = [write_secret(key) for key in keys]
    headers = sign(secrets, NAME, NOW, body)
    for key, secret in zip(keys, secrets, strict=True):
        assert key_of(secret) == read_secret(secret) == key
        assert verified(secret, headers, body, now_s=NOW + 299) == body
        assert verify(secret, headers, body, now_s=NOW - 299)
    assert len(headers["webhook-signature"].split(" ")) == len(keys)


def test_the_example_that_the_libraries_of_the_specification_are_held_to() -> None:
    headers = sign(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("change", ["body", "id", "timestamp", "signature", "version", "late", "early", "secret", "missing", "none"])
def test_what_was_changed_is_told_by_both_receivers(change: str) -> None:
    secret, body, now = write_secret(b"k" * 32), b'{"id":1}', NOW
    headers = sign([secret], NAME, NOW, body)
    if change == "body":
        body = b'{"id":2}'
    elif change in ("id", "timestamp"):
        headers[f"webhook-{change}"] = headers[f"webhook-{change}"][:-1] + "9"
    elif change == "signature":
        headers["webhook-signature"] = "v1," + base64.b64encode(b"x" * 32).decode()
    elif change == "version":
        headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v1a,")
    elif change == "missing":
        del headers["webhook-id"]
    elif change == "secret":
        secret = write_secret(b"l" * 32)
    else:
        now += {"late": 301, "early": -301, "none": 0}[change]
    sound = change == "none"
    assert verify(secret, headers, body, now_s=now) is sound
    if sound:
        assert verified(secret, headers, body, now_s=now) == body
    else:
        with pytest.raises(NotVerified):
            verified(secret, headers, body, now_s=now)


def test_a_secret_of_before_is_read_in_its_own_alphabet() -> None:
    """They were 43 letters of the alphabet for URLs: what they stand for is what a receiver decodes now."""
    key = b"\xfb\xff\xfe" * 10 + b"ab"
    former = "whsec_" + base64.urlsafe_b64encode(key).decode().rstrip("=")
    assert "-" in former and "_" in former.removeprefix("whsec_")
    assert read_secret(former) == key
    headers = sign([former], NAME, NOW, b"{}")
    assert verified(write_secret(key), headers, b"{}", now_s=NOW) == b"{}"
    with pytest.raises(ValueError, match="base64"):
        read_secret("whsec_é")
