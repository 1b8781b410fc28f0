"""Rules that grow without bound are stopped by their memory limit, with a reason, and stay stopped; their neighbours lose nothing. A rule whose sink is
stuck is held back at the soft mark instead."""
import json, time, urllib.request
from kit import Broker, Collector, Daemon, Mqtt, free_port, wait
from neighbours import Silent

MB = 1024 * 1024
GROWING = {
    "session": "SELECT count(*) AS n, collect(a) AS all FROM fast GROUP BY SESSIONWINDOW(hh, 10, 1)",
    "keys": "SELECT count(*) AS n FROM fast GROUP BY newuuid(), TUMBLINGWINDOW(hh, 1)",
    "texts": "SELECT max(concat(newuuid(), pad)) AS n FROM fast GROUP BY newuuid(), TUMBLINGWINDOW(hh, 1)",
    "collect": "SELECT collect(pad) AS all FROM fast GROUP BY TUMBLINGWINDOW(hh, 1)",
    "sliding": "SELECT count(*) AS n FROM fast GROUP BY SLIDINGWINDOW(hh, 1) OVER (WHEN a > 1000)",
    "join": "SELECT fast.a AS a, slow.a AS b FROM fast INNER JOIN slow ON fast.a = slow.a GROUP BY TUMBLINGWINDOW(hh, 1)",
    "lag": "SELECT lag(pad) OVER (PARTITION BY newuuid()) AS before FROM fast",
    "state": "SELECT count(*) AS n FROM fast GROUP BY STATEWINDOW(a > 0, a < 0)",
    "event": "SELECT count(*) AS n FROM timed GROUP BY TUMBLINGWINDOW(hh, 1)",
}


def simulator(d, name, rows, extra=""):
    d.ask("PUT", "/metadata/sources/simulator/confKeys/" + name, {"data": rows, "interval": 0, "loop": True})
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM %s () WITH (TYPE="simulator", FORMAT="json", CONF_KEY="%s"%s)' % (name, name, extra)})


def ledger(d, rule):
    return d.ask("GET", "/rules/%s/ledger" % rule)


def test_growing_rules():
    broker = Broker()
    port = free_port()
    d = Daemon(sets=["basic.prometheus=true", "basic.prometheusPort=%d" % port])
    try:
        d.start()
        pad = "x" * 100
        simulator(d, "fast", [{"a": i, "pad": pad} for i in range(1, 50)])
        simulator(d, "slow", [{"a": 1}])
        simulator(d, "timed", [{"a": 1, "ts": 1700000000000}], ', TIMESTAMP="ts"')
        d.stream("demo", "in", broker, shared=True, qos=1)
        for i in range(5):
            d.rule("good%d" % i, "SELECT seq FROM demo", {"mqtt": {"server": broker.url, "topic": "out/%d" % i, "qos": 1, "sendSingle": True}})
        out = [Collector(broker, "out/%d" % i) for i in range(5)]
        d.connected("good0", "source_demo_0")
        for i in range(5):
            d.connected("good%d" % i, "sink_mqtt_0_0")
        feed = Mqtt(broker, "feed").wait_ready()
        before, n = d.rss_kb(), 0
        for name, sql in GROWING.items():
            limit = 16 * MB
            strategy = {"attempts": 3, "delay": 1, "maxDelay": 1}
            options = {"memoryLimit": "16MB", "memorySoftLimit": "12MB", "restartStrategy": strategy}
            if name == "event":
                options["isEventTime"] = True
            began = time.monotonic()
            d.rule(name, sql, {"nop": {}}, **options)
            peak = 0
            while True:
                status = d.status(name)
                if status["status"] != "running":
                    break
                assert time.monotonic() < began + 60, (name, status, ledger(d, name))
                peak = max(peak, ledger(d, name)["memory"]["state"])
                feed.publish("in", json.dumps({"seq": n}).encode())
                n += 1
                time.sleep(0.005)
            status = wait("the end of %s" % name, 10, lambda: (lambda s: s if s["status"] == "stopped by error" else None)(d.status(name)))
            m = ledger(d, name)["memory"]
            assert status["message"].startswith("memory limit reached: the rule holds "), status
            assert "memoryLimit is 16.0 MB" in status["message"], status
            assert limit < m["state"] + m["waiting"] < limit + 4 * MB and m["limit"] == limit and m["softLimit"] == 12 * MB, m
            assert peak <= limit, (name, peak)
            assert "holds" in d.log() and "memorySoftLimit is 12.0 MB" in d.log()
            print("%-8s stopped after %.2f s, state %.1f MB, daemon %.1f MB" % (name, time.monotonic() - began, m["state"] / MB, d.rss_kb() / 1024))
        feed.settle()
        for i in range(5):  # every message came to every neighbour
            assert out[i].wait_all(n) == 0
            assert d.status("good%d" % i)["status"] == "running"
        for name in GROWING:  # at once would be too soon
            assert d.status(name)["status"] == "stopped by error", name
        grown = (d.rss_kb() - before) / 1024
        print("%d messages each for 5 neighbours; the daemon has grown by %.1f MB" % (n, grown))
        if "asan" not in d.build and "tsan" not in d.build:
            assert grown < 80, grown
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port) as f:
            assert 'kuiper_rule_memory_bytes{rule="keys",kind="state"} ' in f.read().decode()
        d.stop()
    finally:
        d.close()
        broker.close()


def test_all_together():
    """No rule has reached its own limit, but all together the daemon's: the large one goes, the small one stays."""
    d = Daemon(sets=["basic.rulesMemoryLimit=24MB", "rule.memoryLimit=0"])
    try:
        d.start()
        simulator(d, "fast", [{"a": i, "pad": "x" * 100} for i in range(1, 50)])
        simulator(d, "slow", [{"a": 1}])
        d.ask("PUT", "/metadata/sources/simulator/confKeys/slow", {"data": [{"a": 1}], "interval": 50, "loop": True})
        d.rule("small", "SELECT count(*) AS n, collect(a) AS x FROM slow GROUP BY TUMBLINGWINDOW(hh, 1)", {"nop": {}})
        d.rule("large", "SELECT collect(pad) AS x FROM fast GROUP BY TUMBLINGWINDOW(hh, 1)", {"nop": {}})
        status = wait("the end of large", 30, lambda: (lambda s: s if s["status"] == "stopped by error" else None)(d.status("large")))
        assert "basic.rulesMemoryLimit, for all rules, is 24.0 MB" in status["message"], status
        assert d.status("small")["status"] == "running"
        d.stop()
    finally:
        d.close()


def test_held_back():
    """Messages that wait for a sink count; beyond the soft mark a private source waits too, and goes on when they are gone."""
    silent, d = Silent(), Daemon()
    try:
        d.start()
        simulator(d, "fast", [{"a": i, "pad": "x" * 1000} for i in range(1, 50)])
        d.rule("stuck", "SELECT * FROM fast", {"rest": {"url": "http://127.0.0.1:%d/never" % silent.port, "method": "POST", "bufferLength": 1000000, "sendSingle": True}},
               memoryLimit="16MB", memorySoftLimit="8MB")
        m = wait("the soft mark", 30, lambda: (lambda m: m if m["heldBack"] else None)(ledger(d, "stuck")["memory"]))
        assert 8 * MB < m["waiting"] < 10 * MB and m["state"] < MB, m
        a = d.status("stuck")["source_fast_0_records_in_total"]
        time.sleep(0.3)
        s = d.status("stuck")
        assert s["status"] == "running" and s["source_fast_0_records_in_total"] == a, (a, s)
        d.ask("DELETE", "/rules/stuck")
        d.stop()
    finally:
        d.close()
        silent.close()


def test_options():
    d = Daemon()
    try:
        d.start()
        simulator(d, "fast", [{"a": 1}])
        make = lambda **o: d.call("POST", "/rules", {"id": "r", "sql": "SELECT a FROM fast", "actions": [{"nop": {}}], "triggered": False, "options": o})
        for bad in ("much", -1, "12 furlongs", "120%", True, {}):
            status, text = make(memoryLimit=bad)
            assert status == 400 and "options.memoryLimit: expected a number of bytes or a text such as" in text, (bad, status, text)
        status, text = make(memoryLimit="1MB", memorySoftLimit="2MB")
        assert status == 400 and "memorySoftLimit: it is above memoryLimit" in text, text
        for good, bytes in (("1.5 GB", 1536 * MB), (4096, 4096), ("64mb", 64 * MB), ("0", 0)):
            status, text = make(memoryLimit=good)
            assert status == 201, text
            m = ledger(d, "r")["memory"]
            assert m["limit"] == bytes and m["softLimit"] in (bytes * 8 // 10, bytes // 100 * 80), (good, m)
            d.ask("DELETE", "/rules/r")
        status, text = make()
        total = ledger(d, "r")["memory"]["limit"]
        assert 0 < total < 1 << 50
        d.stop()
    finally:
        d.close()
