# SPDX-License-Identifier: Apache-2.0
"""`migrate` of a new program, while the service of the former one runs the embedded database."""

from typer.testing import CliRunner

from desmos_fast.cli import app
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.migrate import newest


def test_it_joins_the_database_that_a_service_runs(cluster: Cluster) -> None:
    run = CliRunner().invoke(app, ["migrate"], env={"DESMOS_DATA_DIR": str(cluster.data_dir)})
    assert (run.exit_code, run.output) == (0, f"{newest()}\n"), run.exception
