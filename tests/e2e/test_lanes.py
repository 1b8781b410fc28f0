"""Rules that join shared streams which live on different lanes: one reader per stream, all rows arrive, meters and the end of rules are right."""
import itertools, json, threading, time
from kit import Broker, Collector, Daemon, Mqtt, wait

NAMES = ("alpha", "beta", "gamma", "delta")
N = 500


def test_joins_over_lanes():
    broker, d = Broker(), Daemon(args=["--lanes", "2"])
    try:
        d.start()
        for name in NAMES:  # with a client id of its own a second reader would throw the first one out
            d.stream(name, "in/" + name, broker, shared=True, qos=1, clientid="one-" + name)
        d.ask("POST", "/tables", {"sql": 'CREATE TABLE names (id BIGINT, text STRING) WITH (TYPE="memory", DATASOURCE="names", KIND="scan", RETAIN_SIZE="10")'})
        pairs = list(itertools.permutations(NAMES, 2))
        got = {}
        lock = threading.Lock()
        outs = []
        for x, y in pairs:
            d.rule("%s_%s" % (x, y), "SELECT %s.seq AS seq, %s.seq AS other FROM %s INNER JOIN %s ON %s.seq = %s.seq GROUP BY TUMBLINGWINDOW(ss, 1)" % (x, y, x, y, x, y),
                   {"mqtt": {"server": broker.url, "topic": "out/%s_%s" % (x, y), "qos": 1, "sendSingle": True}}, isEventTime=False)
            got[x, y] = set()

            def take(topic, payload, k=(x, y)):
                row = json.loads(payload)
                assert row["seq"] == row["other"]
                with lock:
                    got[k].add(row["seq"])
            outs.append(Mqtt(broker, "take-%s-%s" % (x, y), "out/%s_%s" % (x, y), take).wait_ready())
        for x, y in pairs:
            d.connected("%s_%s" % (x, y), "source_%s_0" % x)
            d.connected("%s_%s" % (x, y), "source_%s_0" % y)
            d.connected("%s_%s" % (x, y), "sink_mqtt_0_0")
        feed = Mqtt(broker, "feed").wait_ready()
        end = time.monotonic() + 60
        while True:  # what fell on two sides of the end of a window is sent again
            with lock:
                missing = [i for i in range(N) if any(i not in v for v in got.values())]
            if not missing:
                break
            assert time.monotonic() < end, {k: len(v) for k, v in got.items()}
            for i in missing:
                for name in NAMES:
                    feed.publish("in/" + name, json.dumps({"seq": i}).encode())
            feed.settle()
            time.sleep(1.2)  # the window ends
        feed.settle()
        for x, y in pairs:
            s = d.status("%s_%s" % (x, y))
            assert s["status"] == "running", s
            for name in (x, y):
                assert s["source_%s_0_connection_status" % name] == 1 and s["source_%s_0_connection_last_disconnected_time" % name] == 0, s
        want = wait("all to be read", 20, lambda: (lambda n: n if len(n) == 1 else None)(
            {d.status("%s_%s" % (x, y))["source_%s_0_records_in_total" % n] for x, y in pairs for n in (x, y)}))  # one reader each: all count the same
        assert want.pop() > 0
        d.ask("DELETE", "/rules/alpha_beta")
        for k in ("stop", "start", "restart"):
            d.ask("POST", "/rules/beta_alpha/" + k)
        d.connected("beta_alpha", "source_alpha_0")
        d.ask("POST", "/rules/gamma_alpha/stop")
        s = d.status("gamma_alpha")
        assert s["status"] == "stopped" and s["source_alpha_0_records_in_total"] > 0 and s["source_gamma_0_records_in_total"] > 0, s
        for x, y in pairs[1:]:
            d.ask("DELETE", "/rules/%s_%s" % (x, y))
        for name in NAMES:
            d.ask("DELETE", "/streams/" + name)
        d.stop()
    finally:
        for o in outs:
            o.close()
        d.close()
        broker.close()


def test_table_on_another_lane():
    """A shared stream and a scan table of its own lane, whatever the numbers of lanes; the table's rows can be looked at."""
    d = Daemon(args=["--lanes", "2"])
    try:
        d.start()
        for i, name in enumerate(NAMES):
            d.ask("POST", "/streams", {"sql": 'CREATE STREAM %s () WITH (TYPE="httppush", DATASOURCE="/%s", FORMAT="json", SHARED="true")' % (name, name)})
        d.write("data/names.json", json.dumps([{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]))
        d.ask("POST", "/tables", {"sql": 'CREATE TABLE names (id BIGINT, text STRING) WITH (TYPE="file", DATASOURCE="names.json", FORMAT="json")'})
        for name in NAMES:
            d.rule(name, "SELECT %s.id, names.text FROM %s INNER JOIN names ON %s.id = names.id" % (name, name, name), {"nop": {}})
        assert d.call("GET", "/rules/nobody/scantables")[0] == 404
        for name in NAMES:
            wait("the table of " + name, 10, lambda: d.call("GET", "/rules/%s/scantables" % name)[0] == 200)
            assert d.ask("GET", "/rules/%s/scantables" % name) == [{"emitter": "names", "content": [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]}]
        d.rule("plain", "SELECT id FROM alpha", {"nop": {}})
        assert d.call("GET", "/rules/plain/scantables")[0] == 400
        d.stop()
    finally:
        d.close()
