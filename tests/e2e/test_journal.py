"""What a statement's memory has taken is never lost in rules with qos 1 and 2: not by SIGKILL, and without asking the broker to keep it (the long form is
tools/killtest --window)."""
import glob, http.client, json, resource, threading, time
import pytest
import losing
from kit import Broker, Daemon, Mqtt, wait


@pytest.fixture
def broker():
    b = Broker("max_inflight_messages 20\n")
    yield b
    b.close()


@pytest.fixture
def d():
    d = Daemon()
    d.start()
    yield d
    d.close()


def stream(d, broker, name="demo", topic="in", qos=1, **more):
    d.stream(name, topic, broker, qos=qos, **dict(losing.session(broker), clientid="fixed-" + name, **more))


def rule(d, sql, method="POST", out="out", **options):
    sink = {"file": {"path": "%s/%s.lines" % (d.home, out), "fileType": "lines", "sendSingle": True}}
    r = {"id": "r", "sql": sql, "actions": [sink], "options": dict({"qos": 1, "checkpointInterval": "1h"}, **options)}
    d.ask(method, "/rules" if method == "POST" else "/rules/r", r)
    d.connected("r", "source_demo_0")


def send(broker, rows, topic="in", qos=1):
    m = Mqtt(broker, "send-%d" % time.monotonic_ns(), qos=qos, clean=True).wait_ready()
    for r in rows:
        m.publish(topic, json.dumps(r).encode(), 15)
    m.settle()
    m.close()


def lines(d, out="out"):
    try:
        with open("%s/%s.lines" % (d.home, out)) as f:
            return f.read().splitlines()
    except OSError:
        return []


def results(d, n, out="out"):
    wait("%d results" % n, 20, lambda: len(lines(d, out)) >= n)
    return [json.loads(x) for x in lines(d, out)]


def journal(d):
    return d.ask("GET", "/rules/r/ledger").get("journal")


def durable(d, n):
    """Waits until n packets are in the journal for good."""
    wait(lambda: "%d packets in the journal: %s" % (n, journal(d)), 10, lambda: journal(d)["durable"] == n)


def again(d):
    d.kill()
    d.start()
    d.connected("r", "source_demo_0")


def files(d):
    return glob.glob(d.home + "/data/journal/*/*")


def test_kills():
    r = losing.windows(8, losing.sigkill, rate=1000, checkpoint="300ms", inflight=20)
    assert r["replayed"] > 0 and r["messages"] > 1000


def test_kills_qos_2():
    losing.windows(5, losing.sigkill, rate=800, qos=2)


def test_restarts_on_a_named_connection():
    losing.windows(6, losing.rule_restart, rate=800, selector=True)


def test_broker_restarts():
    losing.windows(2, losing.broker_restart, rate=500)


def test_window_larger_than_the_brokers_window(d, broker):
    """The broker has 20 messages under way at most; a window of 50 is filled all the same, over a kill."""
    stream(d, broker)
    rule(d, "SELECT count(*) AS c, sum(v) AS s FROM demo GROUP BY COUNTWINDOW(50)")
    send(broker, [{"v": i} for i in range(30)])
    durable(d, 30)
    again(d)
    assert wait("the journal to be replayed", 10, lambda: journal(d)["replaying"] or journal(d))["replayed"] == 30
    send(broker, [{"v": i} for i in range(30, 50)])
    assert results(d, 1) == [{"c": 50, "s": sum(range(50))}]


def test_functions_with_memory(d, broker):
    stream(d, broker)
    rule(d, "SELECT v, lag(v) AS before FROM demo")
    send(broker, [{"v": 1}, {"v": 2}])
    assert len(results(d, 2)) == 2
    durable(d, 2)
    again(d)
    send(broker, [{"v": 3}])
    # no checkpoint since the beginning: what was emitted comes again (in a new file), and then what follows
    assert results(d, 3) == [{"v": 1}, {"v": 2, "before": 1}, {"v": 3, "before": 2}]


def test_metadata_and_arrival(d, broker):
    stream(d, broker, topic="in/+")
    rule(d, "SELECT collect(meta(topic)) AS t, count(*) AS c FROM demo GROUP BY COUNTWINDOW(3)")
    send(broker, [{"v": 1}], "in/a")
    send(broker, [{"v": 1}], "in/b")
    durable(d, 2)
    again(d)
    send(broker, [{"v": 1}], "in/c")
    assert results(d, 1) == [{"t": ["in/a", "in/b", "in/c"], "c": 3}]


def test_two_streams(d, broker):
    """One journal for both, in the order in which packets came."""
    stream(d, broker, "demo", "in", options='TIMESTAMP="ts"')
    stream(d, broker, "other", "more", options='TIMESTAMP="ts"')
    rule(d, "SELECT demo.id AS id, demo.v AS v, other.w AS w FROM demo INNER JOIN other ON demo.id = other.id GROUP BY TUMBLINGWINDOW(ss, 10)", isEventTime=True)
    d.connected("r", "source_other_0")
    t = 1700000000000
    send(broker, [{"id": i, "v": i, "ts": t + i} for i in range(10)])
    send(broker, [{"id": i, "w": -i, "ts": t + i} for i in range(5)], "more")
    durable(d, 15)
    again(d)
    d.connected("r", "source_other_0")
    send(broker, [{"id": i, "w": -i, "ts": t + i} for i in range(5, 10)], "more")
    durable(d, 20)
    again(d)
    d.connected("r", "source_other_0")
    send(broker, [{"id": 99, "v": 0, "ts": t + 60000}])
    send(broker, [{"id": 99, "w": 0, "ts": t + 60000}], "more")
    assert sorted(r["id"] for r in results(d, 10)) == list(range(10))


def test_http_push(d):
    """An answer means that it will be counted."""
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM demo () WITH (DATASOURCE="/in", TYPE="httppush", FORMAT="json")'})
    rule(d, "SELECT count(*) AS c, sum(v) AS s FROM demo GROUP BY COUNTWINDOW(60)")
    said = []

    def push(v):
        try:
            c = http.client.HTTPConnection("127.0.0.1", d.push, timeout=5)
            c.request("POST", "/in", json.dumps({"v": v}))
            r = c.getresponse()
            r.read()
            c.close()
            return r.status == 200
        except (OSError, http.client.HTTPException):
            return False

    def pusher():
        while len(said) < 39:
            v = 1 << len(said)
            assert wait("an answer", 30, lambda: push(v), 0.05)
            said.append(v)
    t = threading.Thread(target=pusher)
    t.start()
    for n in (5, 15, 25, 35):
        wait("%d answers" % n, 20, lambda: len(said) >= n)
        d.kill()
        d.start()
    t.join(60)
    got = journal(d)["next"] - 1
    for v in range(60 - got):
        assert wait("an answer", 10, lambda: push(0))
    # each of the 39 at least once; one more for a push whose answer a kill took away, which was made again
    extra = results(d, 1)[0]["s"] - ((1 << 39) - 1)
    assert extra >= 0 and bin(extra).count("1") <= 4, (extra, got)


def test_rows_of_another_rule(d, broker):
    """A pipeline: what a rule got over a memory topic is in its journal, too: rows, of every kind, with their metadata."""
    d.stream("first", "in", broker, qos=1)
    d.ask("POST", "/rules", {"id": "f", "sql": "SELECT *, v * 1.5 AS half FROM first", "actions": [{"memory": {"topic": "between/a", "sendSingle": True}}], "options": {"qos": 1}})
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM demo () WITH (DATASOURCE="between/+", TYPE="memory", FORMAT="json")'})
    rule(d, "SELECT collect(*) AS rows, collect(meta(topic)) AS t, count(*) AS c FROM demo GROUP BY COUNTWINDOW(5)")
    d.connected("f", "source_first_0")

    def kept(n):
        """Waits until n rows are in the journal for good (several may share a record)."""
        def check():
            j = journal(d)
            return d.status("r")["source_demo_0_records_in_total"] == n and j["durable"] + 1 == j["next"]
        wait(lambda: "%d rows in the journal: %s" % (n, journal(d)), 10, check)
    rows = [{"v": 1, "s": "ä"}, {"v": 2, "o": {"x": [1, {"y": None}]}}, {"v": -3, "big": 9007199254740993, "b": True, "n": None}, {"v": 4}, {"v": 5}]
    send(broker, rows[:2])
    kept(2)
    again(d)
    d.connected("f", "source_first_0")
    send(broker, rows[2:4])
    kept(4)
    again(d)
    d.connected("f", "source_first_0")
    send(broker, rows[4:])
    got = results(d, 1)
    assert got == [{"rows": [dict(r, half=r["v"] * 1.5) for r in rows], "t": ["between/a"] * 5, "c": 5}], got


def test_pipeline_without_disk(d, broker):
    """The broker is told that a row is done when the journal of the rule at the end of the pipeline has it, not before."""
    stream(d, broker, "first")
    d.ask("POST", "/rules", {"id": "f", "sql": "SELECT v FROM first", "actions": [{"memory": {"topic": "between", "sendSingle": True}}], "options": {"qos": 1}})
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM demo () WITH (DATASOURCE="between", TYPE="memory", FORMAT="json")'})
    rule(d, "SELECT collect(v) AS v FROM demo GROUP BY COUNTWINDOW(6)")
    d.connected("f", "source_first_0")
    send(broker, [{"v": 1}, {"v": 2}])
    wait(lambda: "the first two: %s" % journal(d), 10, lambda: journal(d)["waiting"] == 0 and journal(d)["next"] > 1)
    resource.prlimit(d.p.pid, resource.RLIMIT_FSIZE, (0, 0))
    send(broker, [{"v": 3}, {"v": 4}, {"v": 5}])
    wait(lambda: "what is wrong: %s" % journal(d), 10, lambda: "File too large" in journal(d)["trouble"])
    d.kill()
    d.start()
    d.connected("f", "source_first_0")
    wait(lambda: "the others: %s" % d.status("r"), 10, lambda: d.status("r")["source_demo_0_records_in_total"] == 5)
    send(broker, [{"v": 6}])
    assert results(d, 1) == [{"v": [1, 2, 3, 4, 5, 6]}]


def test_other_plan(d, broker):
    stream(d, broker)
    sql = "SELECT count(*) AS c, sum(v) AS s FROM demo GROUP BY COUNTWINDOW(%d)"
    rule(d, sql % 5)
    send(broker, [{"v": i} for i in range(3)])
    durable(d, 3)
    d.kill()
    d.start()
    d.connected("r", "source_demo_0")
    rule(d, sql % 5, "PUT", out="same")  # another sink: state and journal stay
    send(broker, [{"v": 3}])
    durable(d, 4)
    d.kill()  # nothing of it is in a state
    d.start()
    d.connected("r", "source_demo_0")
    rule(d, sql % 2, "PUT", out="two")
    wait("the log says so", 10, lambda: "state that was saved is not used" in d.log_all())
    send(broker, [{"v": 10}, {"v": 20}])
    assert results(d, 1, "two") == [{"c": 2, "s": 30}]


def test_removed(d, broker):
    stream(d, broker)
    sql = "SELECT count(*) AS c, sum(v) AS s FROM demo GROUP BY COUNTWINDOW(5)"
    rule(d, sql)
    send(broker, [{"v": 1}] * 3)
    durable(d, 3)
    assert files(d)
    rule(d, sql, "PUT", qos=0)
    assert not files(d)
    assert journal(d) is None
    send(broker, [{"v": 1}] * 3)
    wait("the rows", 10, lambda: d.ask("GET", "/rules/r/ledger")["rows"]["in"] == 3)
    rule(d, sql, "PUT")  # begins anew
    send(broker, [{"v": 5}] * 5)
    assert results(d, 1) == [{"c": 5, "s": 25}]
    assert files(d)
    d.ask("DELETE", "/rules/r")
    assert not files(d)


def test_stateless_has_none(d, broker):
    """What is acknowledged when it was delivered needs no journal."""
    stream(d, broker)
    rule(d, "SELECT v FROM demo WHERE v > 0")
    send(broker, [{"v": 1}])
    assert results(d, 1) == [{"v": 1}]
    assert journal(d) is None and not files(d)


def test_limit(broker):
    """No checkpoint can be kept while a result cannot be delivered: at the limit the source waits, the status says why, and then it goes on."""
    d = Daemon(sets=["basic.journalLimit=300000"])
    d.start()
    try:
        stream(d, broker)
        # results to a broker that is not there: nothing is settled
        sink = {"mqtt": {"server": "tcp://127.0.0.1:%d" % d.push, "topic": "out", "qos": 1, "bufferLength": 1000000}}
        d.ask("POST", "/rules", {"id": "r", "sql": "SELECT count(*) AS c FROM demo GROUP BY COUNTWINDOW(10)", "actions": [sink], "options": {"qos": 1}})
        d.connected("r", "source_demo_0")
        m = Mqtt(broker, "send", clean=True).wait_ready()
        ending = []

        def pour():
            i = 0
            while not ending:
                m.publish("in", json.dumps({"v": i, "pad": "x" * 500}).encode(), 15)
                i += 1
                if i > 3000:
                    return
        t = threading.Thread(target=pour)
        t.start()
        wait(lambda: "the limit to be told: %s" % journal(d), 20, lambda: "its limit of 300000 bytes is reached" in d.status("r").get("source_demo_0_last_exception", ""))
        before = journal(d)
        assert 300000 <= before["bytes"] + before["waiting"] < 500000, json.dumps([before, d.ask("GET", "/rules/r/ledger")])
        time.sleep(0.5)
        assert journal(d)["next"] == before["next"]
        t.join(30)
        # the same statement with a sink that takes: nothing was lost
        rule(d, "SELECT count(*) AS c FROM demo GROUP BY COUNTWINDOW(10)", "PUT")
        got = results(d, 300)
        assert all(r == {"c": 10} for r in got)
        ending.append(1)
        m.close()
    finally:
        d.close()


@pytest.mark.parametrize("kind", ["lines", "csv"])
@pytest.mark.parametrize("folder", [True, False])
def test_files(d, kind, folder):
    """Sources that rewind: state and position are one, also in the midst of a file."""
    n, at = 1200, 0
    for part in (500, 300, 400) if folder else (n,):
        rows = range(at, at + part)
        text = "a,b\n" + "".join('%d,"x\ny"\n' % v for v in rows) if kind == "csv" else "".join('{"a":%d}\n' % v for v in rows)
        d.write("in/%d" % at, text)
        at += part
        time.sleep(0.02)  # by time they are in order
    props = {"fileType": kind, "path": d.home, "sendInterval": "1ms", "hasHeader": kind == "csv"}
    d.write("etc/sources/file.yaml", "default:\n  fileType: lines\nslow:\n" + "".join("  %s: %s\n" % (k, json.dumps(v)) for k, v in props.items()))
    d.stop()
    d.start()
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM demo (a BIGINT) WITH (DATASOURCE="in%s", TYPE="file", FORMAT="%s", CONF_KEY="slow")' %
                               ("" if folder else "/0", "delimited" if kind == "csv" else "json")})
    rule(d, "SELECT count(*) AS c, sum(cast(a, 'bigint')) AS s FROM demo GROUP BY COUNTWINDOW(%d)" % n, checkpointInterval="50ms")

    def rows():
        return d.ask("GET", "/rules/r/ledger")["rows"]["in"]
    for i in range(4):
        wait("rows", 10, lambda: rows() > 120)
        d.kill()
        d.start()
        d.connected("r", "source_demo_0")
    assert results(d, 1) == [{"c": n, "s": n * (n - 1) // 2}]
