"""A join that would take more memory than its rule may have stops that rule, at its limit; the daemon and the neighbours live on."""
import json, os, urllib.request
import pytest
from kit import BUILD, Daemon, wait


def post(d, path, rows):
    body = json.dumps(rows).encode()
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d%s" % (d.push, path), body, {"Content-Type": "application/json"}), timeout=30).read()


def peak_kb(d):
    with open("/proc/%d/status" % d.p.pid) as f:
        return int(next(l for l in f if l.startswith("VmHWM")).split()[1])


def test_cross_join():
    limit = 48 << 20
    d = Daemon().start()
    try:
        for s in ("s", "u", "other"):
            d.ask("POST", "/streams", {"sql": 'CREATE STREAM %s (a BIGINT, t STRING) WITH (DATASOURCE="/%s", TYPE="httppush", FORMAT="json")' % (s, s)})
        d.rule("big", "SELECT s.a, s.t, u.a AS b, u.t AS v FROM s CROSS JOIN u GROUP BY COUNTWINDOW(3000)", {"nop": {}}, memoryLimit="48MB")
        d.rule("small", "SELECT a FROM other", {"nop": {}})
        sent = lambda name, key: d.status(name).get(key, 0)
        post(d, "/other", [{"a": 1}])
        wait("the neighbour's first row", 20, lambda: sent("small", "sink_nop_0_0_records_out_total") == 1)
        before = peak_kb(d)
        rows = [{"a": i, "t": "row number %d" % i} for i in range(1500)]
        post(d, "/s", rows)
        post(d, "/u", rows)
        wait("the rule's end", 30, lambda: d.status("big")["status"].startswith("stopped"))
        said = d.status("big")
        assert "memory limit reached: the rule holds" in said["message"] and "what it computes" in said["message"] and "memoryLimit is 48.0 MB" in said["message"], said
        if "asan" not in BUILD and "tsan" not in BUILD:
            assert (peak_kb(d) - before) * 1024 < limit * 1.25, (before, peak_kb(d))
        post(d, "/other", [{"a": 2}])
        wait("the neighbour's second row", 20, lambda: sent("small", "sink_nop_0_0_records_out_total") == 2)
        d.stop()
    finally:
        d.close()
