# SPDX-License-Identifier: Apache-2.0
"""A centre's whole day under another layout pack: service, worker, payers and matching all follow the one setting."""

import asyncio
import json
import subprocess
from pathlib import Path

import asyncpg

from desmos_fast.base.settings import Settings
from desmos_fast.db.embedded import open_cluster
from tests.e2e.test_demo import ROOT, command, environment
from tests.exchange.packs import new_pack, program
from tests.exchange.test_pack_runs import moved, other_constants, widened

RETURNED = """
    SELECT count(DISTINCT f.id) FILTER (WHERE f.kind = 'rsp') AS rsp, count(DISTINCT f.id) FILTER (WHERE f.kind = 'arl') AS arl,
           count(l.line) FILTER (WHERE l.match_id IS NOT NULL) AS matched, count(l.line) FILTER (WHERE l.status = 'rejected') AS rejected,
           (SELECT count(*) FROM dead_return) AS dead,
           (SELECT count(*) FROM event WHERE name = 'share.rejected' AND detail ->> 'class' <> 'unknown') AS explained
      FROM return_file AS f LEFT JOIN payment_order AS o ON o.return_file_id = f.id LEFT JOIN order_line AS l ON l.order_id = o.id
"""


async def look(dsn: str, query: str) -> list[dict[str, int | str]]:
    con = await asyncpg.connect(dsn, timeout=10)
    try:
        return [dict(row) for row in await con.fetch(query)]
    finally:
        await con.close()


def test_a_day_under_another_pack_adds_up(open_folder: Path, tmp_path: Path) -> None:
    pack, data_dir = new_pack(tmp_path), open_folder / "other-pack"
    for change in (moved, widened, other_constants):
        change(pack)
    env = {**environment(), "DESMOS_LAYOUTS": str(pack)}
    demo = command(data_dir, "--invoices", "80", "--seed", "7", "--json")
    ran = subprocess.run(demo, cwd=ROOT, env=env, capture_output=True, timeout=110)
    assert ran.returncode == 0, ran.stderr.decode()
    day = json.loads(ran.stdout)
    assert (day["refused_invoices"], day["ledger_balance"], day["differences"]) == (0, 0, [])
    sent = sorted((data_dir / "letterbox" / "to_payers").glob("*.b2"))
    assert sent
    for path in sent:
        assert "AUTRE 02" in path.read_text(encoding="ascii").splitlines()[0]
        checked = program("fse", "check", path, pack=pack)
        assert (checked.returncode, checked.stderr) == (0, b"")
        assert program("fse", "check", path).returncode == 1
    cluster = open_cluster(Settings(data_dir=data_dir))
    try:
        assert asyncio.run(look(cluster.admin_dsn("desmos"), "SELECT DISTINCT profile FROM file")) == [{"profile": "autre-2"}]
        # Their answers too: every zone of R1, R2, R3, P1, P9 and A1 that may move or widen did.
        (returned,) = asyncio.run(look(cluster.admin_dsn("desmos"), RETURNED))
        assert returned.pop("dead") == 0 and all(int(count) > 0 for count in returned.values()), returned
    finally:
        cluster.stop()
