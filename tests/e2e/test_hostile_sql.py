"""Hostile statements and hostile rows through the real daemon: an answer within a second, bounded memory, and the daemon goes on. Rows are played
through the test door, on the daemon's own lane, under a held clock."""
import json, os, time
import pytest
from kit import Daemon

START = 1700006400000
SECONDS = 1.0 if "debug" in os.environ.get("SLUICE_BUILD", "debug") or "release" in os.environ["SLUICE_BUILD"] else 8.0  # sanitizers
MB = 1024
GROWTH = 64 * MB if SECONDS == 1.0 else 160 * MB  # sanitizers keep freed memory for a while, and watch over every byte
FAR = 2 ** 63 - 1


@pytest.fixture(scope="module")
def d():
    d = Daemon(args=["--test"]).start()
    for name in ("s", "r"):
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM %s () WITH (TYPE="memory", DATASOURCE="%s")' % (name, name)})
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM e () WITH (TYPE="memory", DATASOURCE="e", TIMESTAMP="ts")'})
    d.ask("POST", "/$test/clock", {"hold": START})
    yield d
    assert d.ask("GET", "/ping") == ""
    d.stop()
    d.close()


class Watch:
    """What a block took: CPU seconds of the daemon (others' load does not count) and growth of its memory."""

    def __init__(self, d, seconds=SECONDS, growth=GROWTH):
        self.d, self.seconds, self.growth = d, seconds, growth

    def __enter__(self):
        self.cpu, self.rss = self.d.cpu_seconds(), self.d.rss_kb()
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        took, grew = self.d.cpu_seconds() - self.cpu, self.d.rss_kb() - self.rss
        assert took <= self.seconds, "took %.2f s" % took
        assert grew <= self.growth, "memory grew by %d KB" % grew
        assert self.d.call("GET", "/ping") == (200, "")


def plain(v):
    """Without the marks of the test door's notation."""
    if isinstance(v, list):
        return [plain(x) for x in v]
    if not isinstance(v, dict):
        return v
    if v.get("$type") == "int":
        return int(v["value"])
    return {k: plain(x) for k, x in v.items()}


def create(d, sql, options=None, **watch):
    with Watch(d, **watch):
        return d.call("POST", "/rules", {"id": "h", "sql": sql, "actions": [{"$collect": {"sendSingle": False}}], "options": dict({"sendError": True}, **(options or {}))}, timeout=60)


def refused(d, sql, *words, **options):
    status, text = create(d, sql, **options)
    if status < 300:
        d.ask("DELETE", "/rules/h")
    assert status == 400, (status, text[:300])
    assert len(text) < 10000 + len(sql) * 2
    for w in words:
        assert w in text, text[-600:]


def play(d, sql, rows, until=0, options=None, **watch):
    """What comes out of a rule that is accepted; rows: (at, stream, row)."""
    status, text = create(d, sql, options)
    assert status < 300, text[-600:]
    try:
        with Watch(d, **watch):
            got = d.ask("POST", "/$test/play", {"rule": "h", "start": START, "until": until, "input": [{"at": a, "stream": s, "row": r} for a, s, r in rows]}, timeout=60)
            return [plain(x["rows"]) for x in got]
    finally:
        d.ask("DELETE", "/rules/h")


def only_error(out, *words):
    text = json.dumps(out)
    assert len(text) < 100000
    for w in words:
        assert w in text, text[:600]


# ---- text ----
@pytest.mark.parametrize("open_,close", [("(", ")"), ("abs(", ")"), ("CASE WHEN a = ", " THEN 1 END"), ("array_create(", ")"), ("a[", "]"), ("o->x[", "]"), ("a IN (", ")"), ("CASE ", " WHEN 1 THEN 1 END")])
def test_ten_thousand_nested(d, open_, close):
    n = 10000
    refused(d, "SELECT %s1%s AS x FROM s" % (open_ * n, close * n), "deep")
    refused(d, "SELECT a FROM s WHERE %s1%s = 1" % (open_ * n, close * n), "deep")
    refused(d, "SELECT %s1" % (open_ * n))  # never closed


def test_nested_types(d):
    with Watch(d):
        status, text = d.call("POST", "/streams", {"sql": "CREATE STREAM n (a %sBIGINT%s) WITH (DATASOURCE=\"n\")" % ("ARRAY(" * 10000, ")" * 10000)})
        assert status == 400, text[:200]
        status, text = d.call("POST", "/streams", {"sql": "CREATE STREAM n (%sx BIGINT%s) WITH (DATASOURCE=\"n\")" % ("a STRUCT(" * 10000, ")" * 10000)})
        assert status == 400, text[:200]


@pytest.mark.parametrize("op", [" + ", " AND ", " = ", " * ", "->x->", " OR "])
def test_long_chains(d, op):
    refused(d, "SELECT %s AS x FROM s" % op.join(["a"] * 20000), "too long")


def test_a_megabyte(d):
    mb = 1 << 20
    refused(d, "SELECT a FROM s WHERE b = \"%s\"" % ("x" * mb), "too long")
    refused(d, "SELECT a FROM s" + " " * mb, "too long")
    refused(d, "(" * mb)
    refused(d, "SELECT " + "a" * (mb + 5) + " FROM s", "too long")
    almost = "SELECT \"%s\" AS x FROM s" % ("x" * 1000000)
    out = play(d, almost, [(0, "s", {"a": 1})])
    assert out == [[{"x": "x" * 1000000}]]
    refused(d, "SELECT %s FROM s" % ",".join("a%d AS b" % i for i in range(60000)), "duplicate")


# ---- windows ----
KINDS = ["TUMBLINGWINDOW({u}, {n})", "HOPPINGWINDOW({u}, {n}, {n})", "HOPPINGWINDOW({u}, {n}, 1)", "HOPPINGWINDOW({u}, 10, {n})", "SLIDINGWINDOW({u}, {n})", "SLIDINGWINDOW({u}, 1, {n})",
         "SLIDINGWINDOW({u}, {n}, {n})", "SESSIONWINDOW({u}, {n}, 1)", "SESSIONWINDOW({u}, 10, {n})", "SESSIONWINDOW({u}, {n}, {n})"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", ["ms", "ss", "mi", "hh", "dd"])
def test_windows_of_forever(d, kind, unit):
    for n in (FAR, FAR // 2, 2 ** 62, FAR // 86400000 * 1000, 10 ** 30, -FAR, -1):
        for stream, options in (("s", {}), ("e", {"isEventTime": True})):
            sql = "SELECT count(*) AS c FROM %s GROUP BY %s" % (stream, kind.format(u=unit, n=n))
            status, text = create(d, sql, options)
            assert status == 400, (sql, text)


@pytest.mark.parametrize("kind", ["COUNTWINDOW(%d)" % FAR, "COUNTWINDOW(%d, 1)" % FAR, "COUNTWINDOW(%d, %d)" % (FAR, FAR), "COUNTWINDOW(4294967296)", "COUNTWINDOW(4294967295, 4294967295)"])
def test_count_of_forever(d, kind):
    assert play(d, "SELECT count(*) AS c FROM s GROUP BY " + kind, [(i, "s", {"a": i}) for i in range(100)]) == []


@pytest.mark.parametrize("kind", ["HOPPINGWINDOW(dd, 12, 1)", "HOPPINGWINDOW(ss, 1000000000, 1)", "HOPPINGWINDOW(ms, 1000000000, 1)"])
def test_hop_much_shorter_than_the_window(d, kind):
    for stream, options in (("s", {}), ("e", {"isEventTime": True, "lateTolerance": 0})):
        rows = [(i, stream, {"ts": START + i, "a": i}) for i in range(30)]
        play(d, "SELECT count(*) AS c FROM %s GROUP BY %s" % (stream, kind), rows, until=100, options=options)
        play(d, "SELECT a FROM %s GROUP BY %s" % (stream, kind), rows, until=100, options=options)


def test_timestamps_from_nowhere(d):
    """One row from the far future, one from the far past, between rows of today."""
    for kind in ("TUMBLINGWINDOW(ms, 1)", "HOPPINGWINDOW(ms, 10, 1)", "SLIDINGWINDOW(ms, 1)", "SESSIONWINDOW(ms, 5, 1)", "STATEWINDOW(a > 1)"):
        for ts in (FAR, -FAR, 0, START + 10 ** 12, 9.9e18, 1e300, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
            rows = [(0, "e", {"ts": START, "a": 1}), (1, "e", {"ts": ts, "a": 2}), (2, "e", {"ts": START + 5, "a": 3}), (3, "e", {"ts": START + 10 ** 12 + 5, "a": 4})]
            with Watch(d):
                play(d, "SELECT count(*) AS c FROM e GROUP BY " + kind, rows, options={"isEventTime": True, "lateTolerance": 0})


def test_the_clock_leaps(d):
    """Ten years between two rows are not a window for every millisecond."""
    for kind in ("TUMBLINGWINDOW(ms, 1)", "HOPPINGWINDOW(ms, 10, 1)", "SLIDINGWINDOW(ms, 10)", "SESSIONWINDOW(ms, 10, 5)"):
        play(d, "SELECT count(*) AS c FROM s GROUP BY " + kind, [(0, "s", {"a": 1}), (1, "s", {"a": 2})], until=20)


# ---- patterns ----
@pytest.mark.parametrize("pattern,text", [("(a+)+$", "a" * 5000 + "b"), ("(a|aa)+$", "a" * 5000 + "b"), ("(.*)*x", "y" * 100000), ("(a?){30}a{30}", "a" * 30), ("((a*)*)*b", "a" * 50000),
                                          ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 50000), ("(x+x+)+y", "x" * 50000)])
@pytest.mark.parametrize("call", ["regexp_matches(t, \"%s\")", "regexp_replace(t, \"%s\", \"z\")", "regexp_substr(t, \"%s\")", "regexp_matches(t, p)"])
def test_expressions_that_explode(d, pattern, text, call):
    call = call % pattern if "%" in call else call
    out = play(d, "SELECT %s AS x FROM s" % call, [(0, "s", {"t": text, "p": pattern})])
    assert len(out) == 1 and len(json.dumps(out)) < 300000


@pytest.mark.parametrize("pattern", ["(" * 10000 + ")" * 10000, "a{1000}{1000}{1000}", "(a{1000}){1000}", "[" + "a-z" * 10000 + "]", "a|" * 30000, "(?:" * 300 + "a" + ")*" * 300, "\\\\pL{1000}" * 50])
def test_expressions_that_are_large(d, pattern):
    status, text = create(d, 'SELECT regexp_matches(t, "%s") AS x FROM s' % pattern)
    if status < 300:
        d.ask("DELETE", "/rules/h")
        out = play(d, 'SELECT regexp_matches(t, "%s") AS x FROM s' % pattern, [(0, "s", {"t": "b" * 1000})])
        assert len(out) == 1


@pytest.mark.parametrize("pattern", ["%" * 20000 + "b", "%a" * 300 + "b", "_" * 50000 + "%", "%_" * 5000 + "x"])
def test_like(d, pattern):
    sql = ['SELECT t LIKE "%s" AS x FROM s' % pattern, "SELECT t LIKE p AS x FROM s"]
    for q in sql:
        out = play(d, q, [(0, "s", {"t": "a" * 20000, "p": pattern})])
        assert out and out[0][0].get("x", False) in (True, False), out[0]


# ---- width ----
def test_a_hundred_thousand_columns(d):
    row = {"c%d" % i: i for i in range(100000)}
    assert play(d, "SELECT c5, c99999 FROM s", [(0, "s", row)], growth=256 * MB) == [[{"c5": 5, "c99999": 99999}]]
    out = play(d, "SELECT * FROM s", [(0, "s", row)], growth=512 * MB)
    assert len(out[0][0]) == 100000
    out = play(d, "SELECT collect(*) AS l FROM s GROUP BY COUNTWINDOW(1)", [(0, "s", row)], growth=512 * MB)
    assert len(out[0][0]["l"][0]) == 100000
    only_error(play(d, "SELECT %s FROM s" % ", ".join("c%d" % i for i in range(30000)), [(0, "s", {})]))


def test_columns_that_are_named(d):
    names = ", ".join("c%d" % i for i in range(70000))
    status, text = create(d, "SELECT %s FROM s" % names, growth=256 * MB)
    if status < 300:
        d.ask("DELETE", "/rules/h")
    else:
        assert status == 400


BODIES = ["x{p} + x{p}", "concat(x{p}, x{p})", "array_create(x{p}, x{p})", 'object_construct("a", x{p}, "b", x{p})', "CASE WHEN x{p} = 1 THEN x{p} ELSE x{p} END"]


@pytest.mark.parametrize("body", BODIES)
def test_aliases_that_double(d, body):
    def fields(n):
        return ", ".join(["a AS x0"] + [body.format(p=i - 1) + " AS x%d" % i for i in range(1, n)])
    refused(d, "SELECT %s FROM s" % fields(10000))
    if "(" in body:
        refused(d, "SELECT %s FROM s" % fields(30), "times over")
        out = play(d, "SELECT %s FROM s" % fields(14), [(0, "s", {"a": "x"})])
        assert out[0][0]["x0"] == "x"
        only_error([{k: v for k, v in r.items() if k in ("x0", "x5")} for r in out[0]])
    else: # one number for each, however often it is used
        out = play(d, "SELECT %s FROM s" % fields(300), [(0, "s", {"a": 1})])
        assert out[0][0]["x9"] in (1, 512)


def test_texts_that_double(d):
    """Few steps, but from a long text: the rule fails, the daemon does not."""
    fields = ", ".join(["a AS x0"] + ["concat(x%d, x%d) AS x%d" % (i - 1, i - 1, i) for i in range(1, 16)])
    out = play(d, "SELECT %s FROM s" % fields, [(0, "s", {"a": "x" * 1000000})], growth=1400 * MB, seconds=4 * SECONDS)
    only_error(out)


def test_case_in_case(d):
    deep = "1"
    for i in range(200):
        deep = "CASE WHEN a > %d THEN %s ELSE 0 END" % (i, deep)
    assert play(d, "SELECT %s AS x FROM s" % deep, [(0, "s", {"a": 500}), (0, "s", {"a": 100})]) == [[{"x": 1}], [{"x": 0}]]
    wide = "CASE " + " ".join("WHEN a = %d THEN %d" % (i, i) for i in range(20000)) + " END"
    assert play(d, "SELECT %s AS x FROM s" % wide, [(0, "s", {"a": 19999})]) == [[{"x": 19999}]]


def test_long_lists(d):
    assert play(d, "SELECT a FROM s WHERE a IN (%s)" % ", ".join(str(i) for i in range(50000)), [(0, "s", {"a": 49999}), (0, "s", {"a": -1})]) == [[{"a": 49999}]]
    assert play(d, "SELECT concat(%s) AS x FROM s" % ", ".join(['"a"'] * 50000), [(0, "s", {"a": 1})]) == [[{"x": "a" * 50000}]]


# ---- functions with huge counts ----
@pytest.mark.parametrize("call", [
    "repeat(t, n)", "repeat(l, n)", "repeat(t, 9223372036854775807)", "lpad(t, n)", "rpad(t, n)", "lpad(t, 9223372036854775807)", "sequence(0, n)", "sequence(n, 0)", "sequence(0, n, 1)",
    "sequence(0, n, 0)", "sequence(0 - n, n, n)", "format(a, n)", "round(a, n)", "round(a, 0 - n)", "trunc(a, n)", "substring(t, n)", "substring(t, 0 - n, n)", "split_value(t, \",\", n)",
    "l[n]", "l[0:n]", "l[n:]", "element_at(l, n)", "element_at(l, 0 - n)", "conv(t, n, 10)", "conv(n, 10, n)", "power(n, n)", "exp(n)", "from_days(n)", "from_unix_time(n)",
    "date_calc(cast(0, \"datetime\"), \"9223372036854775807h\")", "format_time(cast(n, \"datetime\"), \"YYYY\")", "cast(n, \"datetime\")", "convert_tz(cast(n, \"datetime\"), \"Asia/Tokyo\")",
    "now(n)", "current_timestamp(n)", "day_name(n)", "last_day(n)", "date_diff(cast(n, \"datetime\"), cast(0, \"datetime\"))", "chr(n)", "n / (0 - 1)", "n % (0 - 1)", "(0 - n - 1) / (0 - 1)",
    "(0 - n - 1) % (0 - 1)", "abs(0 - n - 1)", "regexp_replace(big, \"a\", big)", "regexp_replace(big, \"\", big)", "array_join(many, big)", "array_concat(many, many, many)",
    "lag(a, 9223372036854775807)", "json_path_query(o, \"$..*..*..*\")", "json_path_query(t, \"%s\")" % ("$" + "..*" * 50), "parse_json(deep)", "json_path_exists(o, deep)", "to_json(many)",
    "array_flatten(many)", "array_distinct(many)", "array_union(many, many)", "array_except(many, many)", "array_intersect(many, many)", "array_sort(many)", "array_map(\"abs\", many)"])
def test_huge_counts(d, call):
    for n in (FAR, 2 ** 31, 2 ** 32 + 1, 10 ** 9):
        row = {"a": 1.5, "t": "abc", "n": n, "l": [1, 2, 3], "big": "a" * 50000, "many": ["x%d" % i for i in range(20000)], "deep": "[" * 50000, "o": {"a": [{"b": [1, 2, {"c": {}}]}] * 20}}
        status, text = create(d, "SELECT %s AS x FROM s" % call)
        if status >= 300:
            assert status == 400
            return
        d.ask("DELETE", "/rules/h")
        out = play(d, "SELECT %s AS x FROM s" % call, [(0, "s", row)], seconds=2 * SECONDS, growth=300 * MB)
        assert len(out) == 1 and len(out[0]) == 1
        if "n" not in call.replace("many", "").replace("json", "").replace("concat", "").replace("union", "").replace("in", ""):
            return


# ---- rows ----
def test_joins_that_explode(d):
    rows = [(0, "s", {"k": 1, "i": i}) for i in range(3000)] + [(0, "r", {"k": 1, "j": i}) for i in range(3000)]
    out = play(d, "SELECT s.i, r.j FROM s INNER JOIN r ON s.k = r.k GROUP BY COUNTWINDOW(6000)", rows, seconds=5 * SECONDS, growth=1500 * MB)
    only_error([o for o in out if "error" in json.dumps(o)[:100]])
    play(d, "SELECT count(*) AS c FROM s CROSS JOIN r GROUP BY TUMBLINGWINDOW(ss, 1)", rows, until=1000, seconds=5 * SECONDS, growth=1500 * MB)


def test_deep_rows(d):
    deep = 1
    for _ in range(50):
        deep = {"x": [deep]}
    for sql in ("SELECT * FROM s", "SELECT o FROM s", "SELECT o->x[0]->x AS y FROM s", "SELECT collect(o) AS l FROM s GROUP BY COUNTWINDOW(1)", "SELECT to_json(o) AS j FROM s", "SELECT lag(o) AS g, o FROM s"):
        assert len(play(d, sql, [(0, "s", {"o": deep})])) == 1
