"""Runs mosquitto -> SQL -> mosquitto at QoS 1 while something is interrupted again and again; used by test_lost.py (short) and
tools/killtest (long). Every message that the broker took must come out at least once."""
import json, random, threading, time
from kit import Broker, Collector, Daemon, Mqtt, wait


class Feed(threading.Thread):
    """Publishes {"seq":0}, {"seq":1} … until told to end."""

    def __init__(self, broker, rate, qos=1):
        super().__init__(daemon=True)
        self.mqtt = Mqtt(broker, "feed-%d" % random.getrandbits(40), qos=qos).wait_ready()
        self.window = 200 if qos < 2 else 15  # mosquitto ends a connection with more than 20 of QoS 2 under way
        self.rate, self.n, self.ending, self.error = rate, 0, False, None
        self.start()

    def run(self):
        try:
            began = time.monotonic()
            while not self.ending:
                self.mqtt.publish("in", json.dumps({"seq": self.n, "pad": "x" * 60}).encode(), self.window)
                self.n += 1
                ahead = self.n / self.rate - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
                elif ahead < -1:
                    began = time.monotonic() - self.n / self.rate
        except AssertionError as e:
            self.error = e

    def end(self):
        self.ending = True
        self.join(60)
        assert self.error is None, self.error
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
