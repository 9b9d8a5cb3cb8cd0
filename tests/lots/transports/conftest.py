# SPDX-License-Identifier: Apache-2.0
"""Keys of one run."""

from pathlib import Path

import pytest

from tests.lots.transports.authority import Authority, Pair


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give the authority that both sides believe."""
    return Authority(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority that nobody believes."""
    return Authority(tmp_path_factory.mktemp("strange"), "stranger")


@pytest.fixture(scope="session")
def server_pair(authority: Authority) -> Pair:
    """Give what a server proves itself with."""
    return authority.pair("server")


@pytest.fixture(scope="session")
def client_pair(authority: Authority) -> Pair:
    """Give what we prove ourselves with."""
    return authority.pair("client", kind="rsa")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of the other side."""
    path = tmp_path / "received"
    path.mkdir()
    return path
