# SPDX-License-Identifier: Apache-2.0
"""Every dashboard, and what tells Grafana where they are: all files by their place in `monitoring/dashboards`."""

from typing import Final

from monitoring.dashboards.jobs import jobs
from monitoring.dashboards.money import claims, reconciliation
from monitoring.dashboards.readers import readers
from monitoring.dashboards.service import database, service
from monitoring.dashboards.sla import sla
from monitoring.slo.model import Contract
from monitoring.slo.rules import STEP_S
from monitoring.slo.yaml import dump

HEAD: Final = "# SPDX-License-Identifier: Apache-2.0\n# Written by `desmos-fast slo dashboards`.\n"
FOLDER: Final = "/etc/grafana/dashboards/desmos-fast"
SOURCE: Final = {
    "name": "desmos-fast", "type": "prometheus", "access": "proxy", "url": "http://127.0.0.1:9090",
    "jsonData": {"timeInterval": f"{STEP_S}s", "httpMethod": "POST"},
}  # fmt: skip
PROVIDER: Final = {
    "name": "desmos-fast", "folder": "desmos-fast", "type": "file", "disableDeletion": True, "allowUiUpdates": False,
    "options": {"path": FOLDER},
}  # fmt: skip


def dashboard_files(contract: Contract) -> dict[str, str]:
    """Return each file by its path."""
    return {
        "sla.json": sla(contract),
        "service.json": service(),
        "database.json": database(),
        "claims.json": claims(),
        "reconciliation.json": reconciliation(),
        "readers.json": readers(),
        "jobs.json": jobs(),
        "provisioning/datasources/desmos-fast.yaml": HEAD + dump({"apiVersion": 1, "datasources": [SOURCE]}),
        "provisioning/dashboards/desmos-fast.yaml": HEAD + dump({"apiVersion": 1, "providers": [PROVIDER]}),
    }
