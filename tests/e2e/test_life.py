"""The life of rules under load and in trouble: changed while rows flow, restored after a kill, with a store, a disk or a peer that is not as it should be."""
import json, os, random, resource, signal, sqlite3, subprocess, threading, time
import pytest
from kit import Broker, Collector, Daemon, Mqtt, free_port, wait
from losing import Feed
from neighbours import closed


@pytest.fixture
def broker():
    b = Broker()
    yield b
    b.close()


@pytest.fixture
def d():
    d = Daemon()
    yield d
    d.close()


def test_changed_under_load(d, broker):
    """Start, stop, restart, update and delete at random while messages come; a rule that nobody touches gets everything, all ledgers close."""
    rnd = random.Random(3)
    d.start()
    d.stream("demo", "in", broker, shared=True, qos=1)
    d.rule("still", "SELECT seq FROM demo", {"mqtt": {"server": broker.url, "topic": "out", "qos": 1}})
    sqls = ["SELECT * FROM demo", "SELECT seq + 1 AS a FROM demo WHERE seq % 2 = 0", "SELECT pad, seq FROM demo WHERE seq > 5", "SELECT seq + pad AS bad FROM demo"]

    def body(i):
        return {"id": "r%d" % i, "sql": rnd.choice(sqls), "actions": [rnd.choice([{"nop": {}}, {"memory": {"topic": "m%d" % i}}, {"log": {}}])], "options": {"sendError": rnd.random() < .5}}
    for i in range(20):
        d.ask("POST", "/rules", body(i))
    out = Collector(broker, "out")
    d.connected("still", "source_demo_0")
    feed = Feed(broker, 1500)
    there = set(range(20))
    for _ in range(300):
        i = rnd.randrange(20)
        what = rnd.choice(["start", "stop", "restart", "update", "delete"])
        if i not in there:
            d.ask("POST", "/rules", body(i))
            there.add(i)
        elif what == "update":
            d.ask("PUT", "/rules/r%d" % i, body(i))
        elif what == "delete":
            d.ask("DELETE", "/rules/r%d" % i)
            there.discard(i)
        else:
            d.ask("POST", "/rules/r%d/%s" % (i, what))
    n = feed.end()
    assert out.wait_all(n) == 0
    assert out.order == list(range(n))
    for i in sorted(there):
        wait("ledger of r%d" % i, 10, lambda: closed(d.ask("GET", "/rules/r%d/ledger" % i)) is None)
    assert len(d.ask("GET", "/rules")) == len(there) + 1
    d.stop()


def test_asked_by_many_at_once(d, broker):
    """Requests for one rule from several clients at a time: each is answered, the last state is one of those asked for."""
    d.start()
    d.stream("demo", "in", broker)
    d.rule("r", "SELECT * FROM demo", {"nop": {}})
    bad = []

    def client(k):
        rnd = random.Random(k)
        for _ in range(40):
            what = rnd.choice(["start", "stop", "restart", "status"])
            status, text = d.call("GET" if what == "status" else "POST", "/rules/r/" + what)
            if status != 200:
                bad.append((what, status, text))
    threads = [threading.Thread(target=client, args=(k,)) for k in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not bad, bad[:5]
    d.ask("POST", "/rules/r/start")
    wait("running", 10, lambda: d.status("r")["status"] == "running")
    d.stop()


def test_thousand_restored_after_kill(d, broker):
    d.start()
    d.stream("demo", "in", broker, shared=True, qos=1)
    for i in range(1000):
        d.rule("r%d" % i, "SELECT seq FROM demo WHERE seq %% 1000 = %d" % i, {"mqtt": {"server": broker.url, "topic": "out", "qos": 1}} if i % 500 == 7 else {"nop": {}})
    for i in range(0, 1000, 100):
        d.ask("POST", "/rules/r%d/stop" % i)
    d.kill()
    t = time.monotonic()
    d.start()
    assert time.monotonic() - t < 5
    rules = {r["id"]: r["status"] for r in d.ask("GET", "/rules")}
    assert len(rules) == 1000
    wait("all rules to run", 20, lambda: sum(s == "running" for s in {r["id"]: r["status"] for r in d.ask("GET", "/rules")}.values()) == 990)
    rules = {r["id"]: r["status"] for r in d.ask("GET", "/rules")}
    assert all(rules["r%d" % i] == "stopped" for i in range(0, 1000, 100))
    out = Collector(broker, "out")
    d.connected("r7", "source_demo_0")
    feed = Feed(broker, 3000)
    wait("two of them", 10, lambda: feed.n > 1000)
    feed.end()
    wait("the two messages", 10, lambda: 7 in out.count and 507 in out.count)
    d.stop()


def test_bad_definitions_in_the_store(d, broker):
    """What cannot be read back is named in the log and left alone; the others run."""
    d.start()
    d.stream("demo", "in", broker)
    d.rule("good", "SELECT * FROM demo", {"nop": {}})
    d.rule("gone", "SELECT * FROM demo", {"nop": {}})
    d.stop()
    db = sqlite3.connect(d.home + "/data/sluice.db")
    good = db.execute("SELECT log.value FROM live JOIN log ON log.seq = live.last WHERE live.key = ?", (b"rule/good",)).fetchone()[0]
    for k, v in (("rule/gone", b'{"id": "gone", "sql": 5, \xff\xfe'), ("rule/empty", b""), ("rule/list", b"[]"), ("rule/nosql", b'{"id":"nosql","actions":[{"nop":{}}],"triggered":true}'),
                 ("rule/lost", good.replace(b"demo", b"nosuch").replace(b"good", b"lost")), ("stream/broken", b"CREATE STREAM ("), ("stream/null", b"\0\0"), ("connection/x", b"{"),
                 ("confkey/sources.mqtt.x", b"[1"), ("what/ever", b"x")):
        seq = db.execute("INSERT INTO log(key, value) VALUES (?, ?)", (k.encode(), v)).lastrowid
        db.execute("INSERT INTO live(key, first, last) VALUES (?, ?, ?) ON CONFLICT(key) DO UPDATE SET last = ?", (k.encode(), seq, seq, seq))
    db.commit()
    db.close()
    d.start()
    wait("the good one", 10, lambda: d.status("good")["status"] == "running")
    log = d.log()
    for name in ("rule/gone", "rule/empty", "rule/list", "stream/broken"):
        assert name in log, (name, log[-3000:])
    status = {r["id"]: r["status"] for r in d.ask("GET", "/rules")}
    assert "lost" in status and "error" in status["lost"], status
    d.rule("new", "SELECT * FROM demo", {"nop": {}})
    d.stop()


def ends_with(d):
    d.start(ready=False)
    code = d.p.wait(20)
    return code, d.said()


def test_store_is_no_database(d):
    d.write("data/sluice.db", "this is no database at all\n" * 400)
    code, said = ends_with(d)
    assert code not in (0, -6, -11) and "sluice.db" in said, (code, said)


def test_data_folder_unusable(d):
    d.write("data", "a file where the folder should be")
    code, said = ends_with(d)
    assert code == 1 and "/data" in said, (code, said)


def test_store_is_a_folder(d):
    os.makedirs(d.home + "/data/sluice.db")
    code, said = ends_with(d)
    assert code == 1 and "sluice.db" in said, (code, said)


def test_disk_full(broker):
    """No room for definitions: the request is refused with the reason, nothing changes, the daemon goes on; with room again it works."""
    d = Daemon()
    try:
        d.start()
        d.stream("demo", "in", broker)
        d.rule("r", "SELECT * FROM demo", {"nop": {}})
        size = sum(os.path.getsize(d.home + "/data/" + f) for f in os.listdir(d.home + "/data") if os.path.isfile(d.home + "/data/" + f))
        resource.prlimit(d.p.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        bad = 0
        for i in range(3):
            status, text = d.call("POST", "/rules", {"id": "big%d" % i, "sql": "SELECT * FROM demo", "actions": [{"nop": {}}], "options": {"cron": ""}, "name": "x" * 20000})
            bad += status >= 400
            assert status < 400 or "error" in text.lower(), text
        assert bad == 3
        assert [r["id"] for r in d.ask("GET", "/rules")] == ["r"]
        assert d.status("r")["status"] == "running"
        resource.prlimit(d.p.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        d.rule("later", "SELECT * FROM demo", {"nop": {}})
        d.kill()
        d.start()
        assert sorted(r["id"] for r in d.ask("GET", "/rules")) == ["later", "r"]
        d.stop()
    finally:
        d.close()


def test_source_peer_away_at_start(d):
    """The rule runs, its source says why it has nothing, and works when the broker comes."""
    port = free_port()

    class There:
        url = "tcp://127.0.0.1:%d" % port
    d.start()
    d.stream("demo", "in", There, qos=1)
    d.rule("r", "SELECT * FROM demo", {"memory": {"topic": "x"}})
    wait("the reason", 10, lambda: "refused" in d.status("r").get("source_demo_0_connection_last_disconnected_message", ""))
    s = d.status("r")
    assert s["status"] == "running" and s["source_demo_0_connection_status"] == -1, s
    b = Broker(port=port)
    try:
        d.connected("r", "source_demo_0")
        feed = Feed(b, 500)
        wait("some", 10, lambda: feed.n > 50)
        n = feed.end()
        wait("all", 10, lambda: d.status("r")["sink_memory_0_0_records_out_total"] == n)
        d.stop()
    finally:
        b.close()


def test_slow_peer(d, broker):
    """The sink's broker stands still for a while: a private source is held back, nothing is lost, memory stays bounded."""
    other = Broker()
    try:
        d.start()
        d.stream("demo", "in", broker, qos=1, clientid="slow", enableClientSession=True)
        d.rule("r", "SELECT seq, pad FROM demo", {"mqtt": {"server": other.url, "topic": "out", "qos": 1, "sendSingle": True, "bufferLength": 200}}, qos=1)
        out = Collector(other, "out")
        d.connected("r", "source_demo_0")
        d.connected("r", "sink_mqtt_0_0")
        feed = Feed(broker, 4000)
        wait("the first ones", 10, lambda: len(out.count) > 100)
        other.p.send_signal(signal.SIGSTOP)
        before = d.rss_kb()
        here = feed.n
        wait("thousands more", 20, lambda: feed.n > here + 6000)
        assert d.rss_kb() < before + 8192
        l = d.ask("GET", "/rules/r/ledger")
        assert closed(l) is None and l["sinks"]["mqtt_0"]["dropped"] == 0, l
        other.p.send_signal(signal.SIGCONT)
        n = feed.end()
        out.wait_all(n)
        d.stop()
    finally:
        other.p.send_signal(signal.SIGCONT)
        other.close()


def test_sink_away_with_cache(d, broker):
    """Source at QoS 0, sink away, the daemon restarted meanwhile: the cache keeps everything, in order."""
    other = Broker()
    try:
        d.start()
        d.stream("demo", "in", broker, qos=0)
        cache = {"enableCache": True, "memoryCacheThreshold": 128, "bufferPageSize": 64, "maxDiskCache": 64000, "resendInterval": 20}
        d.rule("r", "SELECT seq, \"ut\" AS rest FROM demo", {"mqtt": dict(cache, server=other.url, topic="o{{.rest}}", qos=1, sendSingle=True)})
        out = Collector(other, "out")
        d.connected("r", "source_demo_0")
        d.connected("r", "sink_mqtt_0_0")
        feed = Feed(broker, 2000)
        wait("the first ones", 10, lambda: len(out.count) > 100)
        other.stop()
        here = feed.n
        wait("more", 20, lambda: feed.n > here + 2000)
        first = feed.end()
        wait("all in the rule", 10, lambda: d.ask("GET", "/rules/r/ledger")["rows"]["in"] == first)
        l = d.ask("GET", "/rules/r/ledger")
        assert closed(l) is None and l["sinks"]["mqtt_0"]["dropped"] == l["sinks"]["mqtt_0"]["failed"] == 0, l
        d.stop()
        d.start()
        d.connected("r", "source_demo_0")
        assert d.ask("GET", "/rules/r/ledger")["sinks"]["mqtt_0"]["waiting"] > 1900
        other.start()
        out.wait_all(first)
        last = [v for i, v in enumerate(out.order) if v not in out.order[:i]] if len(out.order) != first else out.order
        assert last == list(range(first))
        d.ask("DELETE", "/rules/r")
        assert not os.path.exists(d.home + "/data/cache/r")
        d.stop()
    finally:
        other.close()


def test_two_sure_rules_on_a_shared_stream(d, broker):
    """Rules with qos 1 have sources of their own; the client id of the stream does not make them fight for the broker."""
    d.start()
    d.stream("demo", "in", broker, shared=True, qos=1, clientid="fixed", enableClientSession=True)
    outs = []
    for i in range(2):
        d.rule("r%d" % i, "SELECT seq FROM demo", {"mqtt": {"server": broker.url, "topic": "out%d" % i, "qos": 1, "sendSingle": True}}, qos=1)
        outs.append(Collector(broker, "out%d" % i))
    for i in range(2):
        d.connected("r%d" % i, "source_demo_0")
    feed = Feed(broker, 2000)
    wait("some", 10, lambda: feed.n > 500)
    d.kill()
    d.start()
    wait("more", 10, lambda: feed.n > 1000)
    n = feed.end()
    for o in outs:
        o.wait_all(n)
    for i in range(2):
        assert d.status("r%d" % i)["source_demo_0_exceptions_total"] == 0, d.status("r%d" % i)
    d.stop()


def test_restart_strategy(d):
    """A rule whose source is not there is tried again as its strategy says; stopping, changing and deleting it meanwhile works."""
    d.write("in.json", '[{"a":1}]')
    d.start()
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM demo () WITH (DATASOURCE="%s/in.json", TYPE="file", FORMAT="json", EXTRA="{\\"interval\\":\\"10s\\"}")' % d.home})
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM other () WITH (DATASOURCE="x", TYPE="memory", FORMAT="json")'})
    strategy = {"attempts": 100, "delay": 100, "multiplier": 1, "jitterFactor": 0, "maxDelay": 200}
    for name in ("a", "b", "c", "e"):
        d.rule(name, "SELECT * FROM demo", {"nop": {}}, restartStrategy=strategy)
    d.rule("never", "SELECT * FROM demo", {"nop": {}}, restartStrategy={"attempts": 0})
    d.stop()
    os.remove(d.home + "/in.json")
    d.start()
    wait("the error", 10, lambda: "in.json" in d.status("a")["message"] and "in.json" in d.status("never")["message"])
    assert "error" in d.status("never")["status"], d.status("never")
    d.ask("POST", "/rules/b/stop")
    d.ask("DELETE", "/rules/c")
    d.ask("PUT", "/rules/e", {"id": "e", "sql": "SELECT * FROM other", "actions": [{"nop": {}}], "options": {}})
    assert d.status("b")["status"] == "stopped"
    assert d.status("e")["status"] == "running"
    d.write("in.json", '[{"a":1}]')
    wait("it to run", 10, lambda: d.status("a")["status"] == "running")
    time.sleep(0.5)  # longer than the longest wait: nothing comes back by itself
    assert d.status("b")["status"] == "stopped" and "error" in d.status("never")["status"]
    assert d.call("GET", "/rules/c/status")[0] == 404
    d.ask("POST", "/rules/never/start")
    assert d.status("never")["status"] == "running"
    d.stop()


def test_sent_again_beside(d, broker):
    """resendAlterQueue: what failed goes to its own topic once the broker is back, also what waited when the daemon ended; new messages go the usual way."""
    other = Broker()
    try:
        d.start()
        d.stream("demo", "in", broker, qos=0)
        action = {"enableCache": True, "memoryCacheThreshold": 64, "bufferPageSize": 32, "maxDiskCache": 3200, "resendInterval": 20, "resendAlterQueue": True, "resendDestination": "late",
                  "server": other.url, "topic": "o{{.rest}}", "qos": 1, "sendSingle": True}
        d.rule("r", 'SELECT seq, "ut" AS rest FROM demo', {"mqtt": action})
        out, late = Collector(other, "out"), Collector(other, "late")
        d.connected("r", "source_demo_0")
        d.connected("r", "sink_mqtt_0_0")
        feed = Mqtt(broker, "feed").wait_ready()

        def send(first, n):
            for i in range(first, first + n):
                feed.publish("in", json.dumps({"seq": i}).encode())
            feed.settle()

        def entered(n):
            wait("all in the rule", 10, lambda: d.ask("GET", "/rules/r/ledger")["rows"]["in"] == n)
        send(0, 100)
        wait("the first ones", 10, lambda: len(out.count) == 100)
        other.stop()
        wait("it to be noticed", 10, lambda: d.status("r")["sink_mqtt_0_0_connection_status"] == -1)
        send(100, 300)
        entered(400)
        l = d.ask("GET", "/rules/r/ledger")
        assert closed(l) is None and l["sinks"]["mqtt_0"]["waiting"] == 0 and l["sinks"]["mqtt_0_resend"]["waiting"] == 300, l
        d.stop()
        d.start()
        d.connected("r", "source_demo_0")
        send(400, 50)
        entered(50)
        other.start()
        wait(lambda: "those that failed: %d %d %s" % (len(late.count), len(out.count), d.ask("GET", "/rules/r/ledger")), 20, lambda: len(late.count) >= 350)
        d.connected("r", "sink_mqtt_0_0")
        send(450, 50)
        wait("the new ones", 20, lambda: len(out.count) == 150)
        assert sorted(out.count) == list(range(100)) + list(range(450, 500))
        assert sorted(late.count) == list(range(100, 450))
        d.stop()
    finally:
        other.close()
