"""State of rules with qos 1 outlives a graceful end of the daemon, a restart of the rule, and a change that keeps its plan; another plan begins anew and
the log says so."""
import json, subprocess
import pytest
from kit import Broker, Daemon, wait

SQL = "SELECT count(*) AS c, sum(v) AS s, last_value(v, true) AS l FROM demo GROUP BY COUNTWINDOW(5)"


@pytest.fixture
def broker():
    b = Broker()
    yield b
    b.close()


@pytest.fixture
def d(broker):
    d = Daemon()
    d.start()
    d.stream("demo", "in", broker, qos=1)
    yield d
    d.close()


def rule(d, sql=SQL, out="out", **options):
    sink = {"file": {"path": "%s/%s.lines" % (d.home, out), "fileType": "lines", "sendSingle": True}}
    return {"id": "r", "sql": sql, "actions": [sink], "options": dict({"qos": 1}, **options)}


def send(broker, *values):
    for v in values:
        subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-t", "in", "-q", "1", "-m", json.dumps({"v": v})], check=True)


def absorbed(d, n):
    wait("%d rows in the window" % n, 10, lambda: d.ask("GET", "/rules/r/ledger")["rows"].get("absorbed", 0) == n)


def result(d, out="out"):
    def read():
        try:
            with open("%s/%s.lines" % (d.home, out)) as f:
                return f.read()
        except OSError:
            return ""
    return json.loads(wait("the result", 10, read))


def test_restart_of_the_daemon(d, broker):
    d.ask("POST", "/rules", rule(d))
    d.connected("r", "source_demo_0")
    send(broker, 1, 2, 3)
    absorbed(d, 3)
    d.stop()
    d.start()
    d.connected("r", "source_demo_0")
    send(broker, 4, 5)
    assert result(d) == {"c": 5, "s": 15, "l": 5}


def test_restart_and_change(d, broker):
    d.ask("POST", "/rules", rule(d))
    d.connected("r", "source_demo_0")
    send(broker, 1, 2, 3)
    absorbed(d, 3)
    d.ask("POST", "/rules/r/restart")
    d.connected("r", "source_demo_0")
    send(broker, 4)
    absorbed(d, 1)
    d.ask("PUT", "/rules/r", rule(d, SQL.replace("SELECT count", "select  count"), "other"))  # another sink, the same plan
    d.connected("r", "source_demo_0")
    send(broker, 5)
    assert result(d, "other") == {"c": 5, "s": 15, "l": 5}


def test_other_plan(d, broker):
    d.ask("POST", "/rules", rule(d))
    d.connected("r", "source_demo_0")
    send(broker, 1, 2, 3)
    absorbed(d, 3)
    d.ask("PUT", "/rules/r", rule(d, SQL.replace("(5)", "(4)")))
    d.connected("r", "source_demo_0")
    wait("the log says so", 10, lambda: "state that was saved is not used: the statement or an option" in d.log_all())
    send(broker, 4, 5, 6, 7)
    assert result(d) == {"c": 4, "s": 22, "l": 7}


def test_saved_from_time_to_time(d, broker):
    """Killed, the rule goes on from the last checkpoint."""
    d.ask("POST", "/rules", rule(d, checkpointInterval="50ms"))
    d.connected("r", "source_demo_0")
    send(broker, 1, 2, 3, 4)
    absorbed(d, 4)

    def kept():
        j = d.ask("GET", "/rules/r/ledger")["journal"]
        return j["cursor"] == 4
    wait("a checkpoint with all rows", 10, kept)
    d.kill()
    d.start()
    d.connected("r", "source_demo_0")
    assert d.ask("GET", "/rules/r/ledger")["journal"]["replayed"] == 0
    send(broker, 5)
    assert result(d) == {"c": 5, "s": 15, "l": 5}


def test_deleted(d, broker):
    """A rule of the same name that is made later begins anew."""
    d.ask("POST", "/rules", rule(d))
    d.connected("r", "source_demo_0")
    send(broker, 1, 2, 3)
    absorbed(d, 3)
    d.ask("DELETE", "/rules/r")
    d.ask("POST", "/rules", rule(d))
    d.connected("r", "source_demo_0")
    send(broker, 4, 5, 6, 7, 8)
    assert result(d)["s"] == 30
