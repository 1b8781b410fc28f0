"""Many rules on one shared stream, two of them bad: one whose REST sink never answers, one whose expression always fails. Used by
test_neighbours.py (short) and tools/neighbours (long)."""
import json, socket, threading, time
from kit import Broker, Collector, Daemon, wait
from losing import Feed


class Silent:
    """Accepts connections, reads, never says a word."""

    def __init__(self):
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen(64)
        self.port, self.peers = self.s.getsockname()[1], []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            self.peers.append(c)

    def close(self):
        self.s.close()
        for c in self.peers:
            c.close()


def kind(i):  # few enough of MQTT that the broker is not what limits
    return "mqtt" if i % 20 == 3 and i < 400 else "memory" if i % 2 else "nop"


def action(i):
    k = kind(i)
    if k == "mqtt":
        return {"mqtt": {"connectionSelector": "broker", "topic": "out/%d" % i, "qos": 1, "sendSingle": True}}
    return {"memory": {"topic": "mem/%d" % i, "sendSingle": True}} if k == "memory" else {"nop": {}}


def closed(ledger):
    """What is wrong with a ledger, or None."""
    r = ledger["rows"]
    if r["in"] != r["filtered"] + r["failed"] + r["out"]:
        return "rows: %s" % r
    for name, s in ledger["sinks"].items():
        if s["in"] != s["delivered"] + s["failed"] + s["dropped"] + s["waiting"]:
            return "%s: %s" % (name, s)
    return None


def run(rules, messages, rate, bad, build=None):
    """Gives figures; asserts that every good rule delivered every message and that all ledgers close."""
    broker, silent = Broker(), Silent()
    d = Daemon(**({"build": build} if build else {}))
    outs = []
    try:
        d.write("etc/connections/connection.yaml", "mqtt:\n  broker:\n    server: %s\n    clientid: neighbours\n" % broker.url)
        d.start()
        d.stream("demo", "in", broker, shared=True, qos=1)
        if bad:
            d.rule("silent", "SELECT * FROM demo", {"rest": {"url": "http://127.0.0.1:%d/never" % silent.port, "method": "POST", "bufferLength": 100}})
            d.rule("failing", "SELECT seq + pad AS x FROM demo", {"nop": {}})
        for i in range(rules):
            d.rule("r%d" % i, "SELECT seq, seq + %d AS other FROM demo WHERE seq >= %d" % (i, i % 5), action(i))
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM mem () WITH (DATASOURCE="mem/1", TYPE="memory", FORMAT="json")'})
        d.rule("reader", "SELECT seq FROM mem", {"mqtt": {"connectionSelector": "broker", "topic": "read", "qos": 1}})
        outs = [Collector(broker, "out/%d" % i) for i in range(rules) if kind(i) == "mqtt"][:8]  # of the others the ledger tells
        read = Collector(broker, "read")
        outs.append(read)
        d.connected("r0", "source_demo_0")
        for i in range(rules):
            if kind(i) == "mqtt":
                d.connected("r%d" % i, "sink_mqtt_0_0")
        rss0, cpu0, t0 = d.rss_kb(), d.cpu_seconds(), time.monotonic()
        feed = Feed(broker, rate)
        wait("the feed", messages / rate * 4 + 20, lambda: feed.n >= messages)
        n = feed.end()
        names = ["r%d" % i for i in range(rules)] + ["reader"] + (["silent", "failing"] if bad else [])
        books = {}

        def delivered(name):
            l = books[name] = d.ask("GET", "/rules/%s/ledger" % name)
            return sum(s["delivered"] for s in l["sinks"].values())
        wants = {"r%d" % i: n - i % 5 for i in range(rules)}
        wants["reader"] = n - 1
        for name, want in wants.items():
            wait(lambda: "%d messages of %s: %s" % (want, name, books[name]), 30, lambda: delivered(name) >= want)
        took, cpu = time.monotonic() - t0, d.cpu_seconds() - cpu0
        rss = d.rss_kb()
        for c in outs:
            wait("every message at a sink", 30, lambda: len(c.count) >= n - 4)
        for name in names:
            delivered(name)
            assert closed(books[name]) is None, "%s: the ledger does not close: %s" % (name, closed(books[name]))
        for name, want in wants.items():
            got = books[name]["rows"]
            assert (got["in"], got["out"], got["failed"]) == (n if name != "reader" else n - 1, want, 0), "%s: %s" % (name, books[name])
            (s,) = books[name]["sinks"].values()
            assert s["in"] == s["delivered"] == want, "%s: %s" % (name, books[name])
        if bad:
            assert books["failing"]["rows"] == {"in": n, "filtered": 0, "failed": n, "out": 0}, books["failing"]
            s = books["silent"]["sinks"]["rest_0"]
            assert s["in"] == n and s["delivered"] == 0 and s["waiting"] <= 101 and s["dropped"] >= n - 101 - s["failed"], s
            assert d.status("silent")["status"] == "running"
        d.stop()
        return {"messages": n, "seconds": took, "cpu": cpu, "rss_kb": rss, "grown_kb": rss - rss0, "silent": books.get("silent", {}).get("sinks")}
    finally:
        d.close()
        for c in outs:
            c.mqtt.ending = True
        silent.close()
        broker.close()
