# SPDX-License-Identifier: Apache-2.0
"""What the commands of the service stand on: the database, embedded or given, and the secrets of the house."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from desmos_fast.base.settings import Settings

DATABASE: Final = "desmos"


@dataclass(frozen=True)
class Runtime:
    """The settings, and the DSNs of the roles that serve, that own the tables, and that may copy the whole cluster."""

    settings: "Settings"
    app_dsn: str
    owner_dsn: str
    backup_dsn: str | None = field(default=None, repr=False)


@contextmanager
def database(*, start: bool = False) -> Iterator[Runtime]:
    """Give the database: the one of DESMOS_DSN, else the embedded one, which is started when `start`, and stopped at the end.

    Without `start` the embedded one must run already. Raises what `open_cluster` and `attach` raise.
    """
    from desmos_fast.base.settings import load
    from desmos_fast.db.embedded import attach, open_cluster

    settings = load()
    if settings.dsn:
        yield Runtime(settings, settings.dsn, settings.owner_dsn or settings.dsn, settings.backup_dsn)
        return
    cluster = open_cluster(settings) if start else attach(settings)
    try:
        yield Runtime(settings, cluster.app_dsn(DATABASE), cluster.owner_dsn(DATABASE), cluster.admin_dsn(DATABASE))
    finally:
        if start:
            cluster.stop()
