# SPDX-License-Identifier: Apache-2.0
"""Write desmos_fast/db/schema.sql again from the migrations: `python -m tests.db.write_schema`, then read the diff."""

import tempfile
from pathlib import Path

from desmos_fast.base.settings import Settings
from desmos_fast.db.embedded import open_cluster
from tests.db.databases import empty
from tests.db.test_migrations import SCHEMA, dump, run_pogo


def main() -> None:
    """Make a cluster that lasts for this run, apply every migration, dump."""
    with tempfile.TemporaryDirectory(prefix="desmos-schema-") as folder:
        Path(folder).chmod(0o711)
        with open_cluster(Settings(data_dir=Path(folder) / "data")) as cluster, empty(cluster) as place:
            run_pogo(place)
            SCHEMA.write_text(dump(cluster, place), encoding="utf-8")


if __name__ == "__main__":
    main()
