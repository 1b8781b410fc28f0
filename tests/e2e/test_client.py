"""The client against the daemon: every verb of its table says what it did, ends with 0 or 1, and shows live results."""
import json, os, re, signal, subprocess, sys
from kit import BUILD, Broker, Daemon, Mqtt, free_port, wait


class Client:
    def __init__(self, daemon):
        self.base = [BUILD + "/sluice", "--url", "http://127.0.0.1:%d" % daemon.port]

    def __call__(self, *args, code=0, stdin=None):
        r = subprocess.run([*self.base, *args], capture_output=True, text=True, timeout=30, input=stdin)
        assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
        return r.stdout if code == 0 else r.stderr

    def json(self, *args):
        return json.loads(self("--json", *args))

    def open(self, *args):
        return subprocess.Popen([*self.base, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def columns(text):
    """A table: every row's words start where the head's do."""
    head, *rows = text.rstrip("\n").split("\n")
    starts = [m.start() for m in re.finditer(r"\S+", head)]
    for r in rows:
        for s in starts[1:]:
            assert r[s - 1] == " " and r[s] != " ", (head, r)
    return head.split(), [[r[a:b].strip() for a, b in zip(starts, starts[1:] + [len(r)])] for r in rows]


def test_client():
    d = Daemon().start()
    sluice = Client(d)
    try:
        # streams, tables, rules
        assert "demo" in sluice("create", "stream", 'demo (a BIGINT, t FLOAT) WITH (DATASOURCE="d", TYPE="memory", FORMAT="json")')
        sluice("create", "stream", 'sim () WITH (TYPE="simulator", EXTRA="{\\"interval\\":\\"20ms\\",\\"loop\\":true,\\"data\\":[{\\"name\\":\\"x\\",\\"v\\":1},{\\"name\\":\\"longer\\",\\"v\\":22}]}")')
        head, rows = columns(sluice("show", "streams"))
        assert head[0] == "NAME" and [r[0] for r in rows] == ["demo", "sim"], rows
        assert [s["name"] for s in sluice.json("show", "streams")] == ["demo", "sim"]
        assert "bigint" in sluice("describe", "stream", "demo")
        sluice("create", "table", 'names () WITH (DATASOURCE="n", TYPE="memory", KIND="lookup", KEY="id")')
        assert "names" in sluice("show", "tables")
        sluice("create", "rule", "r1", '{"sql":"SELECT name, v * 2 AS w FROM sim","actions":[{"nop":{}}]}')
        with open(d.home + "/r2.json", "w") as f:
            json.dump({"sql": "SELECT * FROM demo", "actions": [{"nop": {}}], "triggered": False}, f)
        assert "correct" in sluice("validate", "rule", "r2", "-f", d.home + "/r2.json")
        sluice("create", "rule", "r2", "-f", d.home + "/r2.json")
        head, rows = columns(sluice("show", "rules"))
        assert {r[head.index("ID")]: r[head.index("STATUS")] for r in rows} == {"r1": "running", "r2": "stopped"}
        assert sluice.json("getstatus", "rule", "r1")["status"] == "running"
        assert "running" in sluice("getstatus", "rule", "r1")
        assert "source_sim" in sluice("gettopo", "rule", "r1")
        assert sluice("explain", "rule", "r1")
        assert sluice.json("describe", "rule", "r1")["options"]["bufferLength"] == 1024

        # functions: out of the table
        head, rows = columns(sluice("show", "functions"))
        assert head == ["NAME", "KIND", "SIGNATURE", "DESCRIPTION"] and ["lag", "analytic"] in [r[:2] for r in rows] and len(rows) > 150
        said = sluice("describe", "function", "UPPER")
        assert said.startswith("upper(s string) -> string\nscalar function\n") and 'example  upper("hello")\ngives    "HELLO"\n' in said, said
        assert sluice.json("describe", "function", "lag")["kind"] == "analytic"
        assert 'did you mean "lag"' in sluice("describe", "function", "lagg", code=1)

        # schedule: as options of the rule; the next start is shown
        sluice("create", "rule", "timed", json.dumps({"sql": "SELECT * FROM demo", "actions": [{"nop": {}}], "options": {"cron": "0 0 1 1 *", "duration": "1m"}}))
        assert sluice.json("getstatus", "rule", "timed")["nextStartTimestamp"] > 0
        assert sluice.json("describe", "rule", "timed")["options"]["cron"] == "0 0 1 1 *"
        sluice("drop", "rule", "timed")

        # results as they come: of a rule, of a statement
        got = sluice("watch", "rule", "r1", "-n", "4").split("\n")
        assert [json.loads(x) for x in got[:2]] in ([{"name": "x", "w": 2}, {"name": "longer", "w": 44}], [{"name": "longer", "w": 44}, {"name": "x", "w": 2}]), got
        assert len(got) == 5 and got[4] == ""
        got = sluice("query", "SELECT v FROM sim WHERE v > 1", "-n", "2").split()
        assert got == ['{"v":22}', '{"v":22}'], got
        got = sluice("query", stdin="SELECT v FROM nosuch\nquit\n", code=1)
        assert "nosuch" in got, got
        assert "not running" in sluice("watch", "rule", "r2", code=1)
        assert "nosuch" in sluice("watch", "rule", "nosuch", code=1)
        # a watched rule that is started anew is watched again, one that is stopped ends the watch
        p = sluice.open("watch", "rule", "r1")
        assert json.loads(p.stdout.readline())
        sluice("restart", "rule", "r1")
        for _ in range(20):
            assert json.loads(p.stdout.readline())
        sluice("stop", "rule", "r1")
        rest = p.communicate(timeout=20)
        assert p.returncode == 0 and "r1 does not run any more" in rest[1], rest
        sluice("start", "rule", "r1")
        p = sluice.open("watch", "rule", "r1")
        assert json.loads(p.stdout.readline())
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=20)
        assert p.returncode == 0
        assert d.ask("GET", "/rules/r1/status")["status"] == "running"

        # on a terminal: aligned
        pid, fd = os.forkpty()
        if pid == 0:
            os.execv(sluice.base[0], [*sluice.base, "watch", "rule", "r1", "-n", "4"])
        text = b""
        while True:
            try:
                part = os.read(fd, 4096)
            except OSError:
                break
            if not part:
                break
            text += part
        os.waitpid(pid, 0)
        lines = text.decode().replace("\r\n", "\n").rstrip("\n").split("\n")
        assert lines[0].split() == ["name", "w"] and len(lines) == 5, lines
        assert lines[-1].split() in (["x", "2"], ["longer", "44"]) and any(x.startswith("x       ") for x in lines), lines

        # conf keys, connections, settings
        sluice("set", "confkey", "sources", "mqtt", "plant", '{"server":"tcp://127.0.0.1:1","password":"secret"}')
        shown = sluice("show", "confkeys", "sources", "mqtt")
        assert "plant" in shown and "secret" not in shown, shown
        assert sluice.json("show", "confkeys", "sources", "mqtt")["plant"]["server"] == "tcp://127.0.0.1:1"
        sluice("drop", "confkey", "sources", "mqtt", "plant")
        sluice("create", "connection", "c1", "httppush", '{"datasource":"/p"}')
        head, rows = columns(sluice("show", "connections"))
        assert rows[0][head.index("ID")] == "c1" and "connected" in rows[0], rows
        assert sluice.json("describe", "connection", "c1")["typ"] == "httppush"
        assert "already" in sluice("create", "connection", "c1", "httppush", "{}", code=1)
        sluice("drop", "connection", "c1")
        assert any(r["key"] == "basic.restPort" and r["from"] == "command line" for r in sluice.json("explain", "config"))
        assert "basic.restPort" in sluice("explain", "config")

        # settings at run time: a running rule follows the time zone at once
        d.ask("PATCH", "/configs", {"timezone": "Asia/Tokyo"})
        sluice("create", "rule", "hours", '{"sql":"SELECT format_time(cast(v * 1000, \\"datetime\\"), \\"HH\\") AS h FROM sim","actions":[{"nop":{}}]}')
        assert json.loads(sluice("watch", "rule", "hours", "-n", "1")) == {"h": "09"}
        d.ask("PATCH", "/configs", {"timezone": "UTC"})
        assert json.loads(sluice("watch", "rule", "hours", "-n", "1")) == {"h": "00"}
        assert [r for r in sluice.json("explain", "config") if r["key"] == "basic.timezone"][0] == {"key": "basic.timezone", "value": "UTC", "from": "PATCH /configs"}
        sluice("drop", "rule", "hours")

        # everything at once
        sluice("export", "data", d.home + "/all.json")
        assert set(json.load(open(d.home + "/all.json"))["rules"]) == {"r1", "r2"}
        sluice("export", "ruleset", d.home + "/rules.json")
        for x in ("r1", "r2"):
            sluice("drop", "rule", x)
        sluice("drop", "stream", "sim"), sluice("drop", "stream", "demo"), sluice("drop", "table", "names")
        assert "imported 2 streams, 1 tables and 2 rules" in sluice("import", "ruleset", "-f", d.home + "/rules.json")
        sluice("import", "data", "-f", d.home + "/all.json", "-p", "true")
        assert sorted(r["id"] for r in sluice.json("show", "rules")) == ["r1", "r2"]

        # errors: text on stderr, 1
        assert "nosuch" in sluice("drop", "stream", "nosuch", code=1)
        assert "found" in sluice("create", "stream", "x (", code=1)
        assert "--help" in sluice("fly", "rule", code=1)
        assert "usage:" in sluice("drop", "rule", code=1)
        d.stop()
        assert "cannot reach" in sluice("show", "rules", code=1)
    finally:
        d.close()


def test_help():
    """Every verb explains itself with an example, in text of its own."""
    run = lambda *a: subprocess.run([BUILD + "/sluice", *a], capture_output=True, text=True, timeout=20)
    top = run("--help")
    verbs = [line[2:24].strip() for line in top.stdout.split("\n") if re.match(r"  [a-z]", line)]
    assert top.returncode == 0 and len(verbs) > 50, top
    for v in verbs:
        r = run(*v.split(), "--help")
        assert r.returncode == 0 and "usage:" in r.stdout and re.search(r"example: sluice " + v, r.stdout), (v, r.stdout)


def test_completion():
    """bash completes verbs, their second words, and names that the daemon knows."""
    d = Daemon().start()
    try:
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM abc () WITH (TYPE="memory", DATASOURCE="x")'})
        script = """
export PATH=%s:$PATH SLUICE_URL=http://127.0.0.1:%d
source <(sluice completion bash)
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _sluice; echo "${COMPREPLY[@]}"; }
try sluice desc
try sluice describe str
try sluice describe stream a
try sluice completion z
""" % (BUILD, d.port)
        r = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
        assert r.stdout.split("\n")[:4] == ["describe", "stream", "abc", "zsh"], (r.stdout, r.stderr)
        z = subprocess.run([BUILD + "/sluice", "completion", "zsh"], capture_output=True, text=True, timeout=20)
        assert z.stdout.startswith("#compdef sluice kuiper\n") and "bashcompinit" in z.stdout
    finally:
        d.close()
