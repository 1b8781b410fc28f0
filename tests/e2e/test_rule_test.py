"""`sluice rule test`: what passes, what fails and how that is shown, files that are wrong, --update, limits; and the page about it, as written."""
import glob, json, os, re, shutil, signal, stat, subprocess, tempfile, textwrap, time
import xml.etree.ElementTree as xml
import pytest
from kit import BUILD, ROOT, wait


class Folder:
    """Files of cases in a folder of their own; its tmp shows what a run leaves behind."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-rt.")
        self.tmp = self.dir + "/tmp"
        os.mkdir(self.tmp)

    def env(self, **more):
        e = {k: v for k, v in os.environ.items() if not k.startswith(("KUIPER", "SLUICE__"))}
        return dict(e, TMPDIR=self.tmp, SL_MODULES=BUILD + "/modules", **more)

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(textwrap.dedent(text).lstrip("\n"))
        return name

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()

    def run(self, *args, code=0, program=BUILD + "/sluice", **env):
        r = subprocess.run([program, "rule", "test", *args], cwd=self.dir, env=self.env(**env), capture_output=True, text=True, timeout=120)
        assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
        assert os.listdir(self.tmp) == [], "left behind: %s" % os.listdir(self.tmp)
        return r


@pytest.fixture
def f():
    folder = Folder()
    yield folder
    shutil.rmtree(folder.dir)


DEMO = 'CREATE STREAM demo (id BIGINT, t FLOAT) WITH (DATASOURCE="devices/+", FORMAT="json", TYPE="mqtt")'
HEAD = "streams:\n  - %s\n" % DEMO


def shown(r):
    """The lines, without what depends on the clock."""
    return re.sub(r"\(\d+\.\d s\)", "(T s)", r.stdout)


def test_the_page_as_written(f):
    page = open(ROOT + "/docs/testing-rules.md").read()
    for name, body in re.findall(r"(?ms)^```yaml\n# (\S+)\n(.*?)^```$", page):
        f.write(name, "# %s\n%s" % (name, body))
    f.write("plant.json", json.dumps({
        "streams": {"demo": DEMO.replace("mqtt", "neuron")},
        "tables": {"names": 'CREATE TABLE names () WITH (DATASOURCE="names", TYPE="redis", KIND="lookup", KEY="id")'},
        "rules": {"named": json.dumps({"id": "named", "sql": "SELECT names.name, demo.t FROM demo INNER JOIN names ON demo.id = names.id",
                                       "actions": [{"mqtt": {"server": "tcp://nowhere:1", "topic": "x"}}], "options": {"qos": 1}})}}))
    tries = re.findall(r"(?ms)^```console\n\$ sluice rule test (\S+)\n(.*?)^```$", page)
    assert [x[0] for x in tries] == ["alarms.yaml", "wrong.yaml"]
    for name, said in tries:
        assert shown(f.run(name, code=int("FAILED" in said))) == re.sub(r"\(\d+\.\d s\)", "(T s)", said)
    assert "2 passed, 0 failed" in f.run("plant.yaml").stdout
    assert "2 passed, 0 failed" in f.run("messages.yaml").stdout
    # the help shows a file that passes
    help = subprocess.run([BUILD + "/sluice", "rule", "test", "--help"], capture_output=True, text=True).stdout
    example = re.search(r"(?ms)^    streams:.*?(?=^\n|^  -k)", help).group(0)
    f.write("help.yaml", example)
    assert "1 passed, 0 failed" in f.run("help.yaml").stdout


def test_hours_at_once(f):
    f.write("hours.yaml", HEAD + """
start: 2026-03-29T00:00:00Z
timezone: Europe/Berlin
cases:
  - name: a window of eight hours
    sql: SELECT count(*) AS n FROM demo GROUP BY TUMBLINGWINDOW(hh, 8)
    input:
      - {at: 1h, demo: {id: 1}}
      - {at: 7h59m, demo: {id: 2}}
      - {at: 23h, demo: {id: 3}}
    expect:
      - {at: 8h, row: {n: 2}}
      - {at: 16h, row: {}}
      - {at: 24h, row: {n: 1}}
  - name: days, far into the year
    sql: SELECT id, count(*) AS n FROM demo GROUP BY id, TUMBLINGWINDOW(dd, 1)
    input:
      - {at: 1h, demo: {id: 1}}
      - {at: 4800h, demo: {id: 3}}
    expect: [{id: 1, n: 1}, {id: 3, n: 1}]
  - name: as far as is said
    sql: SELECT id, count(*) AS n FROM demo GROUP BY id, TUMBLINGWINDOW(ss, 10)
    input: [{at: 1s, demo: {id: 1}}]
    until: 9s
    expect: []
  - name: a window that slides
    sql: SELECT count(*) AS n FROM demo GROUP BY SLIDINGWINDOW(ss, 10, 5)
    input: [{at: 1s, demo: {id: 1}}, {at: 7s, demo: {id: 1}}]
    expect: [{at: 6s, row: {n: 1}}, {at: 12s, row: {n: 2}}]
  - name: a session
    sql: SELECT count(*) AS n FROM demo GROUP BY SESSIONWINDOW(mi, 10, 5)
    input: [{at: 1m, demo: {id: 1}}, {at: 2m, demo: {id: 1}}]
    expect: [{at: 7m, row: {n: 2}}]
  - name: event time is the row's own
    streams: CREATE STREAM ev (ts BIGINT, v BIGINT) WITH (DATASOURCE="x", FORMAT="json", TYPE="mqtt", TIMESTAMP="ts")
    sql: SELECT sum(v) AS s, window_end() AS till FROM ev GROUP BY TUMBLINGWINDOW(ss, 10)
    options: {isEventTime: true, lateTolerance: 0}
    input:
      - ev: [{ts: 1001, v: 1}, {ts: 9999, v: 2}, {ts: 10000, v: 4}, {ts: 20000, v: 8}]
    expect:
      - {s: 3, till: 10000}
      - {s: 4, till: 20000}
""")
    began = time.monotonic()
    assert "6 passed, 0 failed" in f.run("hours.yaml").stdout
    assert time.monotonic() - began < 10, "the held clock must not take its time"


def test_ways_to_compare(f):
    f.write("ways.yaml", HEAD + """
  - CREATE STREAM two () WITH (DATASOURCE="two", TYPE="memory", FORMAT="json")
cases:
  - name: any order
    sql: SELECT id FROM demo
    input: [{demo: [{id: 1}, {id: 2}, {id: 2}, {id: 3}]}]
    unordered: true
    expect: [{id: 3}, {id: 2}, {id: 1}, {id: 2}]
  - name: any order, few members, each row once
    sql: SELECT * FROM two
    input: [{two: [{a: 1, b: 1}, {a: 1, b: 2}]}]
    unordered: true
    partial: true
    expect: [{a: 1}, {b: 1}]
  - name: members inside members
    sql: SELECT * FROM two
    input: [{two: {o: {x: 1, y: [1, {z: "ü", w: null}]}}}]
    partial: true
    expect: [{o: {y: [1, {z: ü}]}}]
  - name: rounding
    sql: SELECT t + 0.2 AS t FROM demo
    input: [{demo: {t: 0.1}}]
    expect: [{t: 0.3}]
  - name: tolerance
    sql: SELECT t / 3 AS t FROM demo
    input: [{demo: {t: 1}}]
    tolerance: 0.001
    expect: [{t: 0.333}]
  - name: whole numbers are exact
    sql: SELECT a FROM two
    input: [{two: {a: 9007199254740993}}]
    expect: [{a: 9007199254740993}]
  - name: nothing comes
    sql: SELECT * FROM demo WHERE id > 5
    input: [{demo: {id: 1}}]
    expect: []
  - name: a row that looks like a form
    sql: SELECT a AS at, b AS row FROM two
    input: [{two: {a: 1, b: {c: 2}}}]
    expect: [{row: {at: 1, row: {c: 2}}}]
  - name: a join of streams
    sql: SELECT demo.id, two.a FROM demo INNER JOIN two ON demo.id = two.id GROUP BY TUMBLINGWINDOW(ss, 5)
    input: [{at: 1s, demo: {id: 1}}, {at: 2s, two: {id: 1, a: x}}, {at: 3s, two: {id: 2, a: y}}]
    expect: [{at: 5s, row: {id: 1, a: x}}]
  - name: a scan table
    tables:
      - {sql: 'CREATE TABLE kinds () WITH (DATASOURCE="kinds.json", TYPE="file", FORMAT="json")', rows: [{k: 1, n: one}, {k: 2, n: two}]}
    sql: SELECT demo.id, kinds.n FROM demo INNER JOIN kinds ON demo.id = kinds.k
    input: [{demo: [{id: 2}, {id: 1}]}]
    expect: [{id: 2, n: two}, {id: 1, n: one}]
  - name: a lookup table that changes
    tables:
      - {sql: 'CREATE TABLE look () WITH (DATASOURCE="x", TYPE="sql", KIND="lookup", KEY="k")', rows: [{k: 1, n: one}]}
    sql: SELECT look.n FROM demo INNER JOIN look ON demo.id = look.k
    input:
      - demo: {id: 1}
      - look: {k: 1, n: uno}
      - demo: {id: 1}
    expect: [{n: one}, {n: uno}]
  - name: two keys
    tables: [{sql: 'CREATE TABLE look () WITH (DATASOURCE="x", TYPE="sql", KIND="lookup")', rows: [{k: 1, t: 1, n: a}, {k: 1, t: 2, n: b}]}]
    sql: SELECT look.n FROM demo INNER JOIN look ON demo.id = look.k AND demo.t = look.t
    input: [{demo: {id: 1, t: 2}}]
    expect: [{n: b}]
  - name: an error of the running rule
    sql: SELECT id % t AS m FROM demo
    input: [{demo: [{id: 1, t: 0}, {id: 5, t: 2}]}]
    expect: [{error: divided by zero}, {m: 1}]
  - name: refused
    sql: SELECT nosuch( FROM demo
    error: function nosuch not found
  - name: of a schedule, of a shared stream, with qos
    streams: CREATE STREAM both () WITH (DATASOURCE="x", FORMAT="json", TYPE="neuron", SHARED="true")
    sql: SELECT id, count(*) AS n FROM both GROUP BY id, COUNTWINDOW(2)
    options: {cron: "0 5 * * *", duration: 1m, qos: 1, checkpointInterval: 1s}
    input: [{at: 1s, both: {id: 1}}, {at: 2m, both: {id: 1}}]
    expect: [{at: 2m, row: {id: 1, n: 2}}]
  - name: what a message brings
    sql: SELECT meta(topic) AS a, meta(qos) AS b FROM demo
    input: [{demo: {id: 1}}, {demo: {id: 1}, meta: {topic: devices/7, qos: 1}}]
    expect: [{a: devices/+}, {a: devices/7, b: 1}]
    partial: true
""")
    r = f.run("ways.yaml")
    assert r.stdout.count("\nok") + r.stdout.startswith("ok") == 16 and "16 passed, 0 failed" in r.stdout


def test_failures(f):
    f.write("bad.yaml", HEAD + """
sql: SELECT id FROM demo
cases:
  - name: one is missing
    input: [{demo: [{id: 1}, {id: 3}]}]
    expect: [{id: 1}, {id: 2}, {id: 3}]
  - name: one too many
    input: [{demo: [{id: 1}, {id: 2}, {id: 3}]}]
    expect: [{id: 1}, {id: 3}]
  - name: another kind
    input: [{demo: {id: 1}}]
    expect: [{id: "1"}]
  - name: too late
    input: [{at: 2s, demo: {id: 1}}]
    expect: [{at: 1s, row: {id: 1}}]
  - name: any order
    unordered: true
    input: [{demo: [{id: 1}, {id: 2}]}]
    expect: [{id: 2}, {id: 5}]
  - name: not refused
    error: something
  - name: refused
    sql: SELECT * FROM nosuch
    expect: []
  - name: refused for another reason
    sql: SELECT * FROM nosuch
    error: something
  - name: an error nobody expects
    input: [{demo: "{"}]
    expect: []
  - name: no such stream
    input: [{dmo: {id: 1}}]
    expect: []
  - name: still runs
    input: [{demo: {id: 1}}]
    expect: [{id: 1}]
""")
    r = f.run("bad.yaml", code=1)
    said = {m[0]: m[1] for m in re.findall(r"(?ms)^FAILED  (.*?)  \(bad.yaml:\d+\)\n(.*?)(?=^\S)", r.stdout)}
    assert len(said) == 10 and r.stdout.endswith("\n") and "\nok      still runs\n1 passed, 10 failed (" in r.stdout, r.stdout
    assert all("        SELECT id FROM demo\n" in t for n, t in said.items() if n not in ("refused", "refused for another reason")), said
    assert 'row 2 (line 8) did not come:\n          - {"id":2}\n        expected 3 rows (-), got 2 (+)' in said["one is missing"]
    assert 'not expected, before row 2:\n          + at 0s  {"id":2}\n' in said["one too many"]
    assert 'id: expected "1", got 1 (another kind)' in said["another kind"]
    assert "time: expected 1s, got 2s" in said["too late"]
    assert 'did not come:\n          - {"id":5}' in said["any order"] and 'not expected:\n          + at 0s  {"id":1}' in said["any order"]
    assert "the rule runs" in said["not refused"]
    assert "the rule is refused: " in said["refused"] and "fail to get stream nosuch" in said["refused"]
    assert "expected an error with: something\n        got: " in said["refused for another reason"]
    assert "+ at 0s  error: " in said["an error nobody expects"]
    assert "line 34: there is no stream or table dmo" in said["no such stream"]

    j = json.loads(f.run("--json", "bad.yaml", code=1).stdout)
    assert (j["passed"], j["failed"], j["badFiles"]) == (1, 10, 0)
    one = j["cases"][0]
    assert one["result"] == "failed" and one["expected"] == [{"row": {"id": 1}}, {"row": {"id": 2}}, {"row": {"id": 3}}], one
    assert one["got"] == [{"at": 0, "row": {"id": 1}}, {"at": 0, "row": {"id": 3}}] and one["line"] == 6 and "did not come" in one["text"]

    f.run("bad.yaml", "--junit", "out.xml", code=1)
    suite = xml.parse(f.dir + "/out.xml").getroot().find("testsuite")
    assert suite.get("tests") == "11" and suite.get("failures") == "10" and suite.get("errors") == "0"
    assert suite.findall("testcase")[0].find("failure").get("message").startswith("row 2 (line 8) did not come") and len(suite.findall("testcase")[10]) == 0

    r = f.run("bad.yaml", "-k", "still")
    assert "1 passed, 0 failed, 10 skipped" in r.stdout
    assert "2 failed" in f.run("bad.yaml", "-k", "one *", code=1).stdout
    assert "no case fits -k nosuch" in f.run("bad.yaml", "-k", "nosuch", code=2).stderr


@pytest.mark.parametrize("text, said", [
    ("", ":1: expected a map"),
    ("- a\n", ":1: expected a map with streams, sql, input and expect, or cases; found a list"),
    ("sql: [\n", ":2: "),
    ("sql: x\nsql: y\n", ":2: sql is there twice"),
    ("sql: x\ninputs: []\n", ":2: inputs is not known here; known are: name, streams"),
    ("cases: []\n", ":1: cases: expected a list of cases, found an empty one"),
    ("sql: x\ncases:\n  - name: a\n    cases: []\n", ":4: cases is not known here"),
    ("sql: x\ncases:\n  - 5\n", ":3: cases: expected a map"),
    ("sql: x\n", ":1: the case expects nothing"),
    ("name: x\nexpect: []\n", ":1: no statement"),
    ("sql: x\nrule: y\nexpect: []\n", ":1: both sql and rule"),
    ("rule: nosuch.json\nexpect: []\n", ":1: nosuch.json: "),
    ("ruleset: rs.json\nrule: b\nexpect: []\n", ":2: rs.json has no rule b"),
    ("ruleset: rs.json\nrule: a\nexpect: []\n", ":2: rs.json, rule a: "),
    ("sql: x\noptions: 5\nexpect: []\n", ":2: options: expected a map, found a number"),
    ("sql: x\nexpect: []\ninput: 5\n", ":3: input: expected a list"),
    ("sql: x\nexpect: []\ninput:\n- 5\n", ":4: input: expected a map"),
    ("sql: x\nexpect: []\ninput:\n- at: 1s\n", ":4: no row"),
    ("sql: x\nexpect: []\ninput:\n- at: soon\n  s: {}\n", ":4: at: expected a time after the start such as 10s, 1h30m or 250ms, found soon"),
    ("sql: x\nexpect: []\ninput:\n- {at: 2s, s: {}}\n- {at: 1s, s: {}}\n", ":5: at: the time goes back"),
    ("sql: x\nexpect: []\ninput:\n- {at: -2s, s: {}}\n", ":4: at: expected"),
    ("sql: x\nexpect: []\ninput:\n- s: 5\n", ":4: s: expected a row such as {id: 1}, a list of rows, or a text"),
    ("sql: x\nexpect: []\ninput:\n- s: [5]\n", ":4: rows of s: expected a row"),
    ("sql: x\nexpect: []\ninput:\n- s: {}\n  meta: 1\n", ":5: meta: expected a map"),
    ("sql: x\nexpect: []\ninput:\n- {at: 2s, s: {}}\nuntil: 1s\n", ":5: until: the last input comes later"),
    ("sql: x\nexpect: {}\n", ":2: expect: expected a list of rows ([] for none), found a map"),
    ("sql: x\nexpect: [5]\n", ":2: expect: expected a row"),
    ("sql: x\nexpect: []\nerror: y\n", ":3: both error and expect"),
    ("sql: x\nexpect: []\nstart: yesterday\n", ":3: start: expected a time"),
    ("sql: x\nexpect: []\ntimezone: Mars/Base\n", ":3: timezone: Mars/Base is not known"),
    ("sql: x\nexpect: []\nunordered: 1\n", ":3: unordered: expected true or false, found a number"),
    ("sql: x\nexpect: []\ntolerance: -1\n", ":3: tolerance: expected a number"),
    ("sql: x\nexpect: []\nstreams: [{a: 1}]\n", ":3: streams: expected a statement"),
    ("sql: x\nexpect: []\ntables: [{sql: a, row: 1}]\n", ":3: row is not known here; a table has sql and rows"),
    ("sql: x\nexpect: []\nrows: [1]\n", ":3: rows: expected a map of tables"),
    ("a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n"
     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\n", "more than 1000000 values"),
])
def test_bad_files(f, text, said):
    f.write("rs.json", '{"rules": {"a": "{no JSON"}}')
    with open(f.dir + "/bad.yaml", "w") as out:
        out.write(text)
    r = f.run("bad.yaml", code=2)
    assert r.stderr.startswith("sluice rule test: bad.yaml") and said in r.stderr, (text, r.stderr)
    assert "0 passed, 0 failed" in r.stdout


def test_bad_bytes_and_usage(f):
    with open(f.dir + "/bytes.yaml", "wb") as out:
        out.write(b"sql: x\nname: \xff\xfe\n")
    assert "bytes.yaml:2: " in f.run("bytes.yaml", code=2).stderr
    assert "there is no such file" in f.run("nosuch.yaml", code=2).stderr
    assert "the file is missing" in f.run(code=2).stderr
    assert "--fast: unknown option" in f.run("--fast", "x.yaml", code=2).stderr
    assert "its value is missing" in f.run("x.yaml", "-k", code=2).stderr
    assert "at least a second" in f.run("x.yaml", "--timeout", "soon", code=2).stderr
    # a bad file does not keep a good one from running; the code says that something could not
    f.write("good.yaml", HEAD + "sql: SELECT id FROM demo\ninput: [{demo: {id: 1}}]\nexpect: [{id: 1}]\n")
    r = f.run("nosuch.yaml", "good.yaml", code=2)
    assert "ok      good.yaml: good.yaml\n1 passed" in r.stdout
    assert "nosuch.yaml" in json.loads(f.run("nosuch.yaml", "good.yaml", "--json", code=2).stdout)["errors"][0]


UPDATED = """
# about the plant
streams:
  - %s
sql: SELECT id, t FROM demo
cases:
  - name: a block  # why
    input: [{at: 1s, demo: [{id: 1, t: 1.5}, {id: 2}]}]
    expect:
      - {id: 7}
      - id: 8
        t: 9

    # about the next one
  - name: one line
    expect: [{id: 7}]   # soon
    input: [{at: 1s, demo: {id: 1, t: 1.5}}]
  - name: with times
    input: [{at: 1s, demo: {id: 1, t: 1.5}}]
    expect:
      - {at: 7s, row: {id: 1}}
  - name: right
    input: [{demo: {id: 1, t: 1.5}}]
    expect: [{id:   1, t: 1.5}]
  - name: none
    expect:
    input: [{demo: {id: 1, t: 1.5}}]
  - name: odd words
    sql: 'SELECT "yes" AS y, "1" AS one, "a: b" AS `x y`, "" AS e, "ü" AS u, id = 1 AS `true`, "x" AS row FROM demo'
    input: [{demo: {id: 1}}]
  - name: errors
    sql: SELECT id %% 0 AS m FROM demo
    input: [{demo: {id: 1}}]
    expect: []
  - name: only what was asked for
    partial: true
    input: [{demo: {id: 4, t: 1.5}}]
    expect:
      - {id: 1}
  - name: missing at the end
    input: [{demo: {id: 1, t: 1.5}}]
# the end
""" % DEMO


def test_update(f):
    f.write("up.yaml", UPDATED)
    r = f.run("up.yaml", "--update")
    assert "1 passed, 0 failed, 8 updated" in r.stdout and "updated odd words" in r.stdout, r.stdout
    now = f.read("up.yaml")
    assert "11 passed" not in now and "9 passed, 0 failed (" in f.run("up.yaml").stdout, now
    for part in ("# about the plant\n", "  - name: a block  # why\n", "    expect:\n      - {id: 1, t: 1.5}\n      - {id: 2}\n\n    # about the next one\n  - name: one line\n    expect:\n      - {id: 1, t: 1.5}\n    input",
                 "      - {at: 1s, row: {id: 1, t: 1.5}}\n", "[{id:   1, t: 1.5}]", "  - name: none\n    expect:\n      - {id: 1, t: 1.5}\n    input",
                 '"x y": "a: b"', '"y": "yes"', 'one: "1"', "\"true\": true", "      - {error: ", "      - {id: 4}\n", "    input: [{demo: {id: 1, t: 1.5}}]\n    expect:\n      - {id: 1, t: 1.5}\n# the end\n"):
        assert part in now, (part, now)
    assert "9 passed" in f.run("up.yaml", "--update").stdout and f.read("up.yaml") == now, "nothing to update: nothing written"
    # where it cannot be written the file stays
    f.write("flow.yaml", HEAD + "cases: [{sql: SELECT id FROM demo, input: [{demo: {id: 1}}], expect: [{id: 2}]}]\n")
    old = f.read("flow.yaml")
    r = f.run("flow.yaml", "--update", code=1)
    assert "cannot be written in place" in r.stderr and f.read("flow.yaml") == old and "1 failed" in r.stdout
    # line ends of Windows, a byte order mark
    with open(f.dir + "/win.yaml", "wb") as out:
        out.write(b"\xef\xbb\xbf" + (HEAD + "sql: SELECT id FROM demo\nname: 'ü'\ninput: [{demo: {id: 1}}]\nexpect:\n  - {id: 2}\nunordered: false\n").replace("\n", "\r\n").encode())
    f.run("win.yaml", "--update")
    assert b"expect:\n  - {id: 1}\r\nunordered: false\r\n" in open(f.dir + "/win.yaml", "rb").read()
    assert "1 passed" in f.run("win.yaml").stdout


def test_rule_files(f):
    rule = {"id": "r", "sql": "SELECT id FROM demo WHERE t > 1", "actions": [{"log": {}}], "options": {"isEventTime": False, "concurrency": 2}}
    f.write("rule.json", json.dumps(rule))
    os.mkdir(f.dir + "/sub")
    f.write("sub/a.yaml", HEAD + "rule: ../rule.json\noptions: {sendMetaToSink: false}\ninput: [{demo: [{id: 1, t: 1}, {id: 2, t: 2}]}]\nexpect: [{id: 2}]\n")
    f.run("sub/a.yaml")
    f.write("bare.json", json.dumps({"id": "r"}))
    f.write("b.yaml", "rule: bare.json\nexpect: []\n")
    assert 'b.yaml:1: the rule has no "sql"' in f.run("b.yaml", code=2).stderr
    # streams of a ruleset that cannot be made are told when the rule needs them
    f.write("rs.json", json.dumps({"streams": {"s": "CREATE STREAM s ("}, "rules": {"a": json.dumps({"sql": "SELECT * FROM s"})}}))
    f.write("c.yaml", "ruleset: rs.json\nrule: a\nexpect: []\n")
    r = f.run("c.yaml", code=1)
    assert "fail to get stream s" in r.stdout and "and of the ruleset: " in r.stdout


def test_actions(f):
    f.write("rule.json", json.dumps({"sql": "SELECT id, t FROM demo", "actions": [
        {"log": {}}, {"mqtt": {"server": "tcp://nowhere:1", "topic": "x/{{.id}}", "connectionSelector": "nosuch", "compression": "gzip", "sendSingle": True, "dataTemplate": "{{toJson .}}!"},
                      "rest": {"url": "http://nowhere", "dataTemplate": "{{.id}}", "sendSingle": True}}, {"file": {"path": "/nonexistent/x", "format": "delimited", "sendSingle": True, "fields": ["t", "id"]}}]}))
    f.write("a.yaml", HEAD + """
rule: rule.json
input: [{demo: [{id: 1, t: 2.5}, {id: 2, t: 3}]}]
cases:
  - {name: rows, expect: [{id: 1, t: 2.5}, {id: 2, t: 3}]}
  - {name: first, action: 0, expect: [[{id: 1, t: 2.5}], [{id: 2, t: 3}]]}
  - {name: by name, action: mqtt, expect: ['{"id":1,"t":2.5}!', '{"id":2,"t":3}!']}
  - {name: third, action: 2, expect: [1, {at: 0s, row: 2}]}
  - {name: lines, action: file, expect: ["2.5,1", "3,2"]}
  - {name: an error, action: mqtt, input: [{demo: "{"}], expect: [{error: JSON}]}
""")
    r = f.run("a.yaml")
    assert "6 passed" in r.stdout, r.stdout
    old = f.read("a.yaml")
    f.write("b.yaml", old.split("cases:")[0].lstrip("\n") + "action: mqtt\n")
    f.run("b.yaml", "--update")
    assert "expect:\n  - \"{\\\"id\\\":1,\\\"t\\\":2.5}!\"\n" in f.read("b.yaml")
    f.run("b.yaml")
    f.write("c.yaml", old.split("cases:")[0] + "action: mqtt\nexpect: [{id: 1}, no]\n")
    r = f.run("c.yaml", code=1)
    assert '- {"id":1}\n' in r.stdout and '+ at 0s  "{\\"id\\":1,\\"t\\":2.5}!"' in r.stdout, r.stdout
    for action, said in (("kafka", "the rule has no action kafka"), ("9", "the rule has no action 9"), ("[]", "expected a name or a number")):
        f.write("d.yaml", "rule: rule.json\naction: %s\nexpect: []\n" % action)
        assert said in f.run("d.yaml", code=2).stderr


def fake(f, body):
    path = f.dir + "/sluiced"
    with open(path, "w") as out:
        out.write("#!/usr/bin/env python3\n" + body)
    os.chmod(path, 0o755)
    return path


def test_daemons(f):
    """One that cannot start, one that dies, one that hangs, one of a PATH; settings of the caller do not reach it."""
    f.write("a.yaml", HEAD + "sql: SELECT id FROM demo\ncases:\n  - {name: a, input: [{demo: {id: 1}}], expect: [{id: 1}]}\n  - {name: b, input: [{demo: {id: 1}}], expect: [{id: 1}]}\n")
    r = f.run("a.yaml", "--daemon", "/nonexistent/sluiced", code=2)
    assert "cannot start a daemon" in r.stdout and "/nonexistent/sluiced: No such file" in r.stdout and "2 not run" in r.stdout
    r = f.run("a.yaml", "--daemon", fake(f, "import sys; print('no luck', file=sys.stderr); sys.exit(3)\n"), code=2)
    assert "the daemon ended with 3: no luck" in r.stdout
    dying = fake(f, """
import http.server, os, signal
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        os.kill(os.getpid(), signal.SIGSEGV)
s = http.server.HTTPServer(("127.0.0.1", 0), H)
print("serves http://127.0.0.1:%d." % s.server_port, flush=True)
s.serve_forever()
""")
    r = f.run("a.yaml", "--daemon", dying, code=1)
    assert r.stdout.count("the daemon died of signal 11") == 2, r.stdout
    hanging = fake(f, """
import socket, time
s = socket.create_server(("127.0.0.1", 0))
print("serves http://127.0.0.1:%d." % s.getsockname()[1], flush=True)
time.sleep(1000)
""")
    r = f.run("a.yaml", "--daemon", hanging, "--timeout", "1s", "-k", "a", code=1)
    assert "nothing came for" in r.stdout and "(--timeout 1)" in r.stdout, r.stdout
    # beside the client there is none: the one on PATH
    os.remove(f.dir + "/sluiced")
    shutil.copy(BUILD + "/sluice", f.dir + "/sluice")
    assert "2 passed" in f.run("a.yaml", program=f.dir + "/sluice", PATH=BUILD + ":" + os.environ["PATH"], KUIPER__BASIC__IGNORECASE="true", SLUICE__BASIC__RESTPORT="1").stdout


def test_ctrl_c(f):
    f.write("long.yaml", HEAD + "cases:\n" + "".join("  - {name: c%d, sql: SELECT id FROM demo, input: [{demo: {id: 1}}], expect: [{id: 1}]}\n" % i for i in range(3000)))
    for sig in (signal.SIGINT, signal.SIGTERM):
        p = subprocess.Popen([BUILD + "/sluice", "rule", "test", "long.yaml"], cwd=f.dir, env=f.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert p.stdout.readline().startswith("ok")
        assert len(os.listdir(f.tmp)) == 1
        p.send_signal(sig)
        out = p.communicate(timeout=30)[0]
        assert p.returncode == 128 + sig and os.listdir(f.tmp) == [] and "not run" in out, (p.returncode, out[-300:])


def test_colours_only_on_a_terminal(f):
    f.write("a.yaml", HEAD + "sql: SELECT id FROM demo\ninput: [{demo: {id: 1}}]\nexpect: [{id: 2}]\n")
    assert "\033" not in f.run("a.yaml", code=1).stdout
    for env, want in (({}, True), ({"NO_COLOR": "1"}, False)):
        pid, fd = os.forkpty()
        if pid == 0:
            os.chdir(f.dir)
            os.execve(BUILD + "/sluice", ["sluice", "rule", "test", "a.yaml"], f.env(**env))
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
        assert (b"\033[31m" in text) == want, text
