# SPDX-License-Identifier: Apache-2.0
"""The sealing kernel beside the `cryptography` package, and what it refuses."""

import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext import seal
from tests.oracle import seal as oracle

KEY = bytes(range(32))
ROWS = st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=300)), max_size=6)


@settings(max_examples=100, deadline=None)
@given(key=st.binary(min_size=32, max_size=32), prefix=st.binary(max_size=60), rows=ROWS)
def test_each_opens_what_the_other_sealed(key: bytes, prefix: bytes, rows: list[tuple[bytes, bytes]]) -> None:
    ids, plain = [row[0] for row in rows], [row[1] for row in rows]
    ours = seal.seal_block(key, prefix, ids, plain)
    assert [len(row) for row in ours] == [len(row) + 28 for row in plain]
    assert oracle.open_block(key, prefix, ids, ours) == plain
    assert seal.open_block(key, prefix, ids, oracle.seal_block(key, prefix, ids, plain)) == plain


@settings(max_examples=100, deadline=None)
@given(key=st.binary(min_size=32, max_size=32), texts=st.lists(st.text(max_size=200), max_size=8))
def test_index_is_hmac_sha256(key: bytes, texts: list[str]) -> None:
    expected = oracle.index_block(key, texts)
    assert seal.index_block(key, texts) == expected
    assert seal.index_block(key, [text.encode() for text in texts]) == expected


@settings(max_examples=150, deadline=None)
@given(sealed=st.lists(st.binary(max_size=80), min_size=1, max_size=4))
def test_bytes_that_nobody_sealed_are_refused_at_the_same_row(sealed: list[bytes]) -> None:
    with pytest.raises(ValueError) as ours:
        seal.open_block(KEY, b"p", [b"i"] * len(sealed), sealed)
    with pytest.raises(ValueError) as theirs:
        oracle.open_block(KEY, b"p", [b"i"] * len(sealed), sealed)
    assert ours.value.args[0] == theirs.value.args[0]


def test_every_bit_of_a_sealed_row_counts() -> None:
    [row] = seal.seal_block(KEY, b"invoice", [b"1" * 16], [b"ten bytes."])
    assert seal.open_block(KEY, b"invoice", [b"1" * 16], [row]) == [b"ten bytes."]
    for bit in range(len(row) * 8):  # nonce, ciphertext and tag alike
        broken = bytearray(row)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="tag") as refusal:
            seal.open_block(KEY, b"invoice", [b"1" * 16], [bytes(broken)])
        assert refusal.value.args[0] == 0


@pytest.mark.parametrize("cut", range(38))
def test_a_row_cut_short_is_refused(cut: int) -> None:
    [row] = seal.seal_block(KEY, b"", [b""], [b"ten bytes."])
    with pytest.raises(ValueError) as refusal:
        seal.open_block(KEY, b"", [b""], [row[:cut]])
    assert refusal.value.args[0] == 0


@pytest.mark.parametrize(
    ("key", "prefix", "ids"),
    [(KEY[::-1], b"p", [b"a", b"b"]), (KEY, b"q", [b"a", b"b"]), (KEY, b"p", [b"b", b"a"]), (KEY, b"p", [b"a", b"c"])],
    ids=["another key", "another prefix", "rows exchanged", "another id"],
)
def test_a_row_opens_only_in_its_place(key: bytes, prefix: bytes, ids: list[bytes]) -> None:
    sealed = seal.seal_block(KEY, b"p", [b"a", b"b"], [b"one", b"two"])
    with pytest.raises(ValueError, match="tag"):
        seal.open_block(key, prefix, ids, sealed)


def test_the_row_that_is_broken_is_named_and_no_other_is_given() -> None:
    ids = [bytes([i]) for i in range(50)]
    sealed = seal.seal_block(KEY, b"p", ids, [b"content"] * 50)
    sealed[37] = sealed[36]
    with pytest.raises(ValueError) as refusal:
        seal.open_block(KEY, b"p", ids, sealed)
    assert refusal.value.args == (37, "the tag does not verify")


def test_no_nonce_comes_twice() -> None:
    # More rows than one draw of nonces serves.
    sealed = [row for _ in range(3) for row in seal.seal_block(KEY, b"", [b""] * 2500, [b""] * 2500)]
    assert len({row[:12] for row in sealed}) == 7500


def test_an_empty_block_is_empty() -> None:
    assert seal.seal_block(KEY, b"", [], []) == seal.open_block(KEY, b"", [], []) == seal.index_block(KEY, []) == []


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal.seal_block(bytes(size), b"", [], [])
    with pytest.raises(ValueError, match="32 bytes"):
        seal.open_block(bytes(size), b"", [], [])
    with pytest.raises(ValueError, match="32 bytes"):
        seal.index_block(bytes(size), [])


def test_counts_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="number"):
        seal.seal_block(KEY, b"", [b"a"], [])
    with pytest.raises(ValueError, match="number"):
        seal.open_block(KEY, b"", [], [bytes(28)])


@pytest.mark.parametrize("bad", [None, "text", bytearray(3), 5])
def test_what_is_not_bytes_is_refused(bad: object) -> None:
    rows: list[bytes] = [b"fine", bad]  # type: ignore[list-item]
    for ids, plain in (([b"", b""], rows), (rows, [b"", b""])):
        with pytest.raises(TypeError) as refusal:
            seal.seal_block(KEY, b"", ids, plain)
        assert refusal.value.args[0] == 1
    if not isinstance(bad, str):
        with pytest.raises(TypeError) as refusal:
            seal.index_block(KEY, rows)
        assert refusal.value.args[0] == 1


@pytest.mark.parametrize("place", range(4))
def test_none_is_refused_everywhere(place: int) -> None:
    arguments: list[object] = [KEY, b"", [], []]
    arguments[place] = None
    with pytest.raises(TypeError):
        seal.seal_block(*arguments)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        seal.open_block(*arguments)  # type: ignore[arg-type]


def test_a_text_that_is_not_unicode_is_refused_without_its_content() -> None:
    with pytest.raises(ValueError) as refusal:
        seal.index_block(KEY, ["fine", "1850799999\ud800"])
    assert refusal.value.args == (1, "text is not Unicode")
    assert refusal.value.__cause__ is None


def test_what_is_too_long_for_openssl_is_refused() -> None:
    huge = bytes(2**31 - 28)  # zeros that are never touched, so never mapped
    with pytest.raises(OverflowError) as refusal:
        seal.seal_block(KEY, b"", [b""], [huge])
    assert refusal.value.args == (0, "content is too long")
    with pytest.raises(OverflowError):
        seal.seal_block(KEY, huge, [], [])
    with pytest.raises(OverflowError):
        seal.seal_block(KEY, b"", [huge], [b""])
    with pytest.raises(OverflowError):
        seal.index_block(KEY, [huge])


def test_threads_do_not_share_a_context() -> None:
    ids = [os.urandom(16) for _ in range(400)]
    plain = [os.urandom(i) for i in range(400)]
    failures: list[BaseException] = []

    def turn(key: bytes) -> None:
        try:
            for _ in range(10):
                assert seal.open_block(key, b"t", ids, seal.seal_block(key, b"t", ids, plain)) == plain
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=turn, args=(os.urandom(32),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
