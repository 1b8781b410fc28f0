"""What state may take: bytes per group, kept row, partition and waiting instance (bench_memory), and per idle rule of a daemon. The limits are half as
much again as what was measured, so that only a real change trips them."""
import json, os, subprocess
import pytest
from kit import BUILD, Daemon

LIMITS = {"group, running": 490, "group, hopping": 525, "kept row:": 250, "kept row of": 380, "row that waits": 250, "analytic partition: lag": 350, "analytic partition: running": 520,
          "instance, filter": 512, "instance, tumbling window with groups": 6000, "instance, tumbling window with rows": 4500, "instance, sliding": 4500, "instance, lag": 2000}


def test_units():
    p = subprocess.run([os.path.join(BUILD, "bench_memory"), "20000"], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    rows = [json.loads(line) for line in p.stdout.splitlines()]
    assert len(rows) == len(LIMITS)
    for r in rows:
        most = next(v for k, v in LIMITS.items() if r["what"].startswith(k))
        assert max(r["heap"], r["accounted"]) <= most, r  # a sanitizer's heap says 0
        if "instance" not in r["what"]:
            assert r["accounted"] >= 16, r  # a rule's memory limit counts it
            if r["heap"] > 0:
                assert r["accounted"] >= 0.5 * r["heap"], r


@pytest.mark.parametrize("sql,most", [("SELECT device, temperature FROM s WHERE temperature > {}", 12 << 10),
                                      ("SELECT device, avg(temperature) AS t FROM s WHERE temperature > {} GROUP BY device, TUMBLINGWINDOW(hh, 1)", 18 << 10),
                                      ("SELECT device, temperature FROM s WHERE temperature > {} GROUP BY SLIDINGWINDOW(hh, 1)", 18 << 10)])
def test_idle_rules(sql, most):
    if "asan" in BUILD or "tsan" in BUILD:
        pytest.skip("a sanitizer's memory is not the daemon's")
    d, n = Daemon().start(), 1000
    try:
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM s () WITH (DATASOURCE="x", TYPE="memory", SHARED="true")'})
        rss = lambda: d.rss_kb() * 1024
        rule = lambda i: d.ask("POST", "/rules", {"id": f"r{i}", "sql": sql.format(i), "actions": [{"nop": {}}]})
        for i in range(200):  # what is made once is there
            rule(i)
        before = rss()
        for i in range(200, 200 + n):
            rule(i)
        assert (rss() - before) / n <= most
    finally:
        d.stop()
        d.close()
