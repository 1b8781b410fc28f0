"""Runs mosquitto -> SQL -> mosquitto at QoS 1 while something is interrupted again and again; used by test_lost.py and test_journal.py (short) and
tools/killtest (long). Of a rule without memory every message that the broker took must come out at least once (interrupt); of a rule with a window in
event time every window must end with the aggregates that it has undisturbed (windows)."""
import json, random, threading, time
from kit import Broker, Collector, Daemon, Mqtt, wait


def numbered(n):
    return {"seq": n, "pad": "x" * 60}


class Feed(threading.Thread):
    """Publishes make(0), make(1) … until told to end."""

    def __init__(self, broker, rate, qos=1, make=numbered):
        super().__init__(daemon=True)
        self.make = make
        self.mqtt = Mqtt(broker, "feed-%d" % random.getrandbits(40), qos=qos).wait_ready()
        self.window = 200 if qos < 2 else 15  # mosquitto ends a connection with more than 20 of QoS 2 under way
        self.rate, self.n, self.ending, self.error = rate, 0, False, None
        self.start()

    def run(self):
        try:
            began = time.monotonic()
            while not self.ending:
                self.mqtt.publish("in", json.dumps(self.make(self.n)).encode(), self.window)
                self.n += 1
                ahead = self.n / self.rate - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
                elif ahead < -1:
                    began = time.monotonic() - self.n / self.rate
        except AssertionError as e:
            self.error = e

    def end(self, last=()):
        """Ends; then publishes what else is to be said."""
        self.ending = True
        self.join(60)
        assert self.error is None, self.error
        for row in last:
            self.mqtt.publish("in", json.dumps(row).encode(), self.window)
        self.mqtt.settle()
        self.mqtt.close()
        return self.n


def session(broker, v5=False):
    five = {"protocolVersion": "5", "clientStatePath": "state", "sessionExpiryIntervalSeconds": 3600} if v5 else {}
    return dict({"server": broker.url, "clientid": "fixed", "enableClientSession": True}, **five)


def pipeline(d, broker, sql="SELECT seq, seq * 2 AS twice FROM demo", qos=1, selector=False, v5=False, **action):
    own, sink = session(broker, v5), {"server": broker.url, "protocolVersion": "5" if v5 else "3.1.1"}
    if selector:  # source and sink share one named connection
        own = sink = {"connectionSelector": "broker"}
    d.stream("demo", "in", broker, qos=qos, **own)
    d.rule("pass", sql, {"mqtt": dict(sink, topic="out", qos=qos, sendSingle=True, **action)}, qos=1)
    d.connected("pass", "source_demo_0")


def interrupt(times, how, rate=1500, build=None, seed=None, say=lambda text: None, qos=1, selector=False, v5=False, **action):
    """how(daemon, broker, random): one interruption, everything runs again afterwards. Gives figures."""
    rnd = random.Random(seed)
    broker = Broker()
    d = Daemon(**({"build": build} if build else {}))
    out = feed = None
    try:
        if selector:
            d.write("etc/connections/connection.yaml", "mqtt:\n  broker:\n" + "".join("    %s: %s\n" % (k, json.dumps(v)) for k, v in session(broker, v5).items()))
        d.start()
        out = Collector(broker, "out")
        pipeline(d, broker, qos=qos, selector=selector, v5=v5, **action)
        feed = Feed(broker, rate, qos)
        wait("the first message", 20, lambda: len(out.count))
        for i in range(times):
            before = len(out.count)
            how(d, broker, rnd)
            if i % 5 == 4 or i == times - 1:  # now and then it must really flow again, or nothing would be interrupted
                wait("messages after interruption %d; log: %s" % (i + 1, d.log()[-1500:]), 30, lambda: len(out.count) > before)
            say("%d/%d: %d in, %d out" % (i + 1, times, feed.n, len(out.count)))
        n = feed.end()
        feed = None
        duplicates = out.wait_all(n)
        d.stop()
        return {"messages": n, "duplicates": duplicates, "interruptions": times}
    finally:
        if feed:
            feed.ending = True
        d.close()
        if out:
            out.mqtt.ending = True
        broker.close()


def sigkill(d, broker, rnd):
    time.sleep(rnd.uniform(0.02, 0.6))
    d.kill()
    d.start(ready=rnd.random() < 0.7)  # sometimes the next kill finds it while it starts


def sigterm(d, broker, rnd):
    time.sleep(rnd.uniform(0.05, 0.5))
    d.ready()
    d.stop()
    d.start()


def broker_restart(d, broker, rnd):
    time.sleep(rnd.uniform(0.1, 0.6))
    broker.stop()
    time.sleep(rnd.uniform(0, 0.5))
    broker.start()


def rule_restart(d, broker, rnd):
    """The rule alone ends and comes back, by each of the ways there are."""
    time.sleep(rnd.uniform(0.05, 0.3))
    way = rnd.randrange(3)
    if way == 0:
        d.ask("POST", "/rules/pass/restart")
    elif way == 1:
        d.ask("POST", "/rules/pass/stop")
        d.ask("POST", "/rules/pass/start")
    else:
        rule = d.ask("GET", "/rules/pass")
        d.ask("PUT", "/rules/pass", rule)


# ---- windows ----
BEGIN, STEP, WINDOW, GROUPS = 1700000040000, 150, 60000, 5  # ms: first row, between rows, of a window


def row_of(n):
    """Times go a little back and forth; values have no order."""
    return {"seq": n, "ts": BEGIN + n * STEP + (n * 7919) % 5 * 20, "dev": "d%d" % (n % GROUPS), "v": (n * 2654435761) % 100003 - 50000}


def undisturbed(n):
    """What each window of rows 0 … n-1 comes to: (start, dev) -> (count, sum, min, max, first seq, last seq), by counting here."""
    out = {}
    for r in map(row_of, range(n)):
        key = (r["ts"] // WINDOW * WINDOW, r["dev"])
        c, s, lo, hi, first, last = out.get(key, (0, 0, r["v"], r["v"], r["seq"], r["seq"]))
        out[key] = (c + 1, s + r["v"], min(lo, r["v"]), max(hi, r["v"]), min(first, r["seq"]), max(last, r["seq"]))
    return out


class Windows:
    """Gathers what windows emit: (start, dev) -> results in order."""

    def __init__(self, broker, topic):
        self.got = {}
        self.mqtt = Mqtt(broker, "windows-%d" % random.getrandbits(40), topic, self.take).wait_ready()

    def take(self, topic, payload):
        rows = json.loads(payload)
        for r in rows if isinstance(rows, list) else [rows]:
            assert r["e"] - r["b"] == WINDOW, r
            self.got.setdefault((r["b"], r["dev"]), []).append((r["c"], r["s"], r["lo"], r["hi"], r["first"], r["last"]))

    def n(self):
        return sum(len(x) for x in list(self.got.values()))


WINDOW_SQL = ("SELECT dev, count(*) AS c, sum(v) AS s, min(v) AS lo, max(v) AS hi, min(seq) AS first, max(seq) AS last, window_start() AS b, window_end() AS e "
              "FROM demo GROUP BY dev, TUMBLINGWINDOW(mi, 1)")


def windows(times, how, rate=1500, build=None, seed=None, say=lambda text: None, qos=1, selector=False, v5=False, inflight=100, checkpoint="1s", sql=WINDOW_SQL):
    """As interrupt, with a window of a minute in event time. Gives figures."""
    rnd = random.Random(seed)
    broker = Broker("max_inflight_messages %d\n" % inflight)
    d = Daemon(**({"build": build} if build else {}))
    out = feed = None
    try:
        own, sink = session(broker, v5), {"server": broker.url}
        if selector:
            d.write("etc/connections/connection.yaml", "mqtt:\n  broker:\n" + "".join("    %s: %s\n" % (k, json.dumps(v)) for k, v in own.items()))
            own = sink = {"connectionSelector": "broker"}
        d.start()
        out = Windows(broker, "out")
        d.stream("demo", "in", broker, qos=qos, options='TIMESTAMP="ts"', **own)
        d.rule("pass", sql, {"mqtt": dict(sink, topic="out", qos=qos, sendSingle=True)}, qos=qos, isEventTime=True, lateTolerance="100ms", checkpointInterval=checkpoint)
        d.connected("pass", "source_demo_0")
        feed = Feed(broker, rate, qos, row_of)
        wait("the first window", 30, out.n)
        replayed = repeated = 0
        for i in range(times):
            before = out.n()
            try:
                j = d.ask("GET", "/rules/pass/ledger", timeout=5)["journal"]
                replayed, repeated = replayed + j["replayed"], repeated + j["repeated"]
                assert j["bad"] == j["lost"] == 0, j
            except (OSError, KeyError, AssertionError) as e:  # it is not up yet
                assert "bad" not in str(e), e
            how(d, broker, rnd)
            if i % 5 == 4 or i == times - 1:
                wait("windows after interruption %d; log: %s" % (i + 1, d.log()[-1500:]), 60, lambda: out.n() > before)
            say("%d/%d: %d in, %d windows, %d results" % (i + 1, times, feed.n, len(out.got), out.n()))
        n = feed.n + 400
        wait("the last messages", 60, lambda: feed.n >= n)
        n = feed.end([dict(row_of(0), ts=row_of(feed.n + 3000)["ts"] + 10 * WINDOW)])  # ends all windows
        feed = None
        want = undisturbed(n)

        def missing():
            gone = [k for k in sorted(want) if k not in out.got]
            return "%d of %d windows, the first: %s" % (len(gone), len(want), gone[:5])
        wait(missing, 60, lambda: len(out.got) >= len(want))
        d.stop()  # nothing comes behind this
        bad = [(k, out.got[k], want.get(k)) for k in sorted(out.got) if out.got[k][-1] != want.get(k)]
        assert not bad, "%d of %d windows end with another result; (window, results, undisturbed): %s\n%s" % (len(bad), len(want), bad[:5], d.log()[-3000:])
        odd = sum(x != want[k] for k, v in out.got.items() for x in v)
        return {"messages": n, "windows": len(want), "results": out.n(), "repeated": out.n() - len(want), "odd": odd, "replayed": replayed, "again": repeated}
    finally:
        if feed:
            feed.ending = True
        d.close()
        if out:
            out.mqtt.ending = True
        broker.close()
