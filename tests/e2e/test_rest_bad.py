"""Bad input over REST: a clear error, nothing changed, the daemon goes on. The routes come from the daemon's own reference, so that a new one is
tried without anybody thinking of it."""
import json, re, socket, subprocess
import pytest
from kit import BUILD, Daemon

RULE = {"id": "keep", "sql": "SELECT a FROM keep WHERE a > 1", "actions": [{"nop": {}}], "tags": ["t"]}


def routes():
    """(method, path) of every row of the reference."""
    text = subprocess.run([BUILD + "/sluiced", "--reference", "rest"], check=True, text=True, capture_output=True).stdout
    rows = re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`| ]*)` \|", text, re.M)
    assert len(rows) > 60, text[:400]
    return rows


@pytest.fixture(scope="module")
def daemon():
    d = Daemon(sets=["basic.enablePrivateNet=true"]).start()
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM keep (a BIGINT) WITH (TYPE="memory", DATASOURCE="k/t")'})
    d.ask("POST", "/tables", {"sql": 'CREATE TABLE ktab (id BIGINT) WITH (TYPE="memory", DATASOURCE="k/u", KIND="lookup", KEY="id")'})
    d.ask("POST", "/rules", RULE)
    yield d
    d.stop()
    d.close()


def state(d):
    """Everything that was defined, and what runs."""
    return d.ask("GET", "/data/export"), d.ask("GET", "/rules"), d.ask("GET", "/tables")


@pytest.fixture
def same(daemon):
    """What is there before and after a test is the same, and the daemon answers."""
    before = state(daemon)
    yield daemon
    assert daemon.call("GET", "/ping") == (200, "")
    assert state(daemon) == before


def raw(d, data, read=True, port=None):
    """Bytes as they are; the whole answer."""
    with socket.create_connection(("127.0.0.1", port or d.port), 10) as s:
        s.settimeout(20)
        try:
            s.sendall(data)
            if not read:
                return b""
            s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        out = b""
        try:
            while True:
                x = s.recv(65536)
                if not x:
                    return out
                out += x
        except ConnectionResetError:
            return out


def request(d, method, path, body=b"", headers=()):
    head = "%s %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%s\r\n" % (method, path, len(body), "".join(h + "\r\n" for h in headers))
    a = raw(d, head.encode("latin-1") + body)
    assert a.startswith(b"HTTP/1.1 "), (method, path, a[:200])
    return int(a[9:12]), a.partition(b"\r\n\r\n")[2]


BODIES = [b"", b" ", b"{", b"}", b"[", b"[]", b"5", b'"x"', b"true", b"{}", b'{"id":5}', b'{"sql":5}', b'{"sql":[]}', b'{"name":{},"content":7}', b'{"tags":"x"}', b'[{"method":5}]', b"[null]",
          b'{"a":"\xff\xfe"}', b"\x00\x01\x02", b"\xef\xbb\xbf{}", b"[" * 100000, b'{"a":' * 5000, b'{"sql":"' + b"(" * 20000 + b'"}', b'{"id":"\\ud800","sql":"SELECT"}', b"x" * 300000]
SKIP = {("GET", "/stop"), ("POST", "/stop"), ("POST", "/tracer"), ("PATCH", "/configs"), ("POST", "/rules/bulkstart"), ("POST", "/rules/bulkstop"), ("POST", "/async/data/import")}


@pytest.mark.parametrize("method,path", [r for r in routes() if r not in SKIP and r[0] != "GET"])
def test_every_route_with_every_bad_body(same, method, path):
    names = re.sub(r"\{[^}]*\}", "nobody", path)
    for body in BODIES:
        if body == b"{}" and (method == "PUT" or path in ("/connections", "/batch/req")) and "confKeys" in path:
            continue  # an empty property map is a good one
        if "confKeys" in path and body.startswith(b"{") and method == "PUT":
            continue
        for kind in ((), ("Content-Type: application/json",), ("Content-Type: multipart/form-data; boundary=b",)):
            status, answer = request(same, method, names, body, kind)
            assert status < 500, (method, path, body[:60], status, answer[:200])
            if status >= 400 and status not in (404, 405, 422):
                assert answer.endswith(b"\n") != path.endswith("/upload") and json.loads(answer)["message"] is not None, (path, body[:60], answer[:300])


def test_wrong_methods(same):
    known = {}
    for method, path in routes():
        known.setdefault(re.sub(r"\{[^}]*\}", "nobody", path), set()).add(method)
    known.pop("/metrics", None)  # of the Prometheus port
    for path, methods in known.items():
        for m in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            if any(re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(p)), path) and m == k for k, p in routes()):
                continue  # another row with a placeholder takes it
            status, answer = request(same, m, path)
            assert (status, answer) == (405, b""), (m, path, status, answer)
    for m in ("BREW", "get", "GET GET"):
        status, _ = request(same, m, "/streams")
        assert status in (400, 405), m
    assert request(same, "GET", "/nobody")[0] == 404
    assert request(same, "GET", "/streams/")[0] == 404


@pytest.mark.parametrize("name,want", [
    ("a%20b", 400), ("%20a", 400), ("a.b", 400), ("%F0%9F%98%80", 400), ("%C3", 400), ("a%2Fb", 404), ("a%00b", 400), ("a%zz", 400), ("a%", 400), ("..", 301), ("a%0Ab", 400), ("a%22b", 400), ("x" * 20000, 400)])
@pytest.mark.parametrize("kind", ["rules", "streams", "tables"])
def test_odd_names(same, kind, name, want):
    for method, body in (("GET", b""), ("DELETE", b""), ("PUT", json.dumps({"sql": "CREATE STREAM x () WITH (TYPE=\"memory\")"}).encode())):
        status, answer = request(same, method, "/%s/%s" % (kind, name), body)
        if want == 400 and name.startswith("x"):
            assert status in (400, 404), (method, status)
            continue
        assert status == want, (method, name, status, answer[:200])
        if status == 400 and answer.startswith(b"{"):
            assert b"contains" in answer, answer


def test_names_in_statements(same):
    for sql in ('CREATE STREAM `a.b` () WITH (TYPE="memory")', 'CREATE STREAM `a/b` () WITH (TYPE="memory")', 'CREATE STREAM `` () WITH (TYPE="memory")', 'CREATE STREAM ` a` () WITH (TYPE="memory")',
                'CREATE TABLE `\u00e4` () WITH (TYPE="memory")'):
        status, answer = same.call("POST", "/streams", {"sql": sql})
        assert status == 400 and "message" in json.loads(answer), (sql, status, answer)


def test_half_sent_requests_hold_nobody_up(same):
    held = []
    for data in (b"", b"G", b"GET /streams HTTP/1.1", b"GET /streams HTTP/1.1\r\nHost: h\r\nX: ", b"POST /rules HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n{\"id\":\"half\"",
                 b"POST /rules HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\""):
        s = socket.create_connection(("127.0.0.1", same.port), 5)
        s.sendall(data)
        held.append(s)
    for _ in range(20):
        assert same.call("GET", "/rules", timeout=5)[0] == 200
    for s in held:
        s.close()


def test_who_sends_no_more_still_gets_the_answer(same):
    """raw() ends its direction at once; these answers come later, when lanes have spoken."""
    for _ in range(20):
        for method, path in (("GET", "/rules/keep/status"), ("GET", "/rules/status/all"), ("POST", "/rules/keep/start"), ("GET", "/data/export")):
            status, answer = request(same, method, path)
            assert status == 200 and answer, (method, path)
    same.ask("PUT", "/rules/keep", RULE)  # the text as it was


@pytest.mark.parametrize("data,statuses", [
    (b"GET /streams HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 200000 + b"\r\n\r\n", (431,)),
    (b"GET /" + b"y" * 200000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", (431, 414, 400)),
    (b"POST /streams HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n{}", (413,)),
    (b"POST /streams HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n{}", (400, 413)),
    (b"POST /streams HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n{}", (400,)),
    (b"POST /streams HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n{}", (400,)),
    (b"POST /streams HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", (400,)),
    (b"POST /streams HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    (b"POST /streams HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", (400,)),
    (b"GET /streams HTTP/9.9\r\nHost: h\r\n\r\n", (400, 505)),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400,)),
    (b"GET\r\n\r\n", (400,)),
    (b"GET /streams HTTP/1.1\r\nHost: h\r\nbad header\r\n\r\n", (400,)),
    (b"\x00" * 1000, (400,)),
])
def test_broken_http(same, data, statuses):
    a = raw(same, data)
    assert a == b"" or (a.startswith(b"HTTP/1.1 ") and int(a[9:12]) in statuses), a[:200]


def test_big_bodies(same):
    blank = b" " * (3 << 20)
    status, answer = request(same, "POST", "/streams", blank + b'{"sql":"CREATE"}' + blank)
    assert status == 400 and b"Stream command error" in answer, answer[:300]
    status, answer = request(same, "POST", "/rules", b'{"id":"big","sql":"' + b"S" * (2 << 20) + b'"}')
    assert status == 400


def test_content_types_do_not_matter(daemon):
    for i, kind in enumerate(("text/plain", "application/xml", "application/json; charset=latin-1", "nonsense", "")):
        body = json.dumps({"SQL": 'CREATE STREAM ct%d () WITH (TYPE="memory", DATASOURCE="x")' % i}).encode() + b" and more"
        status, answer = request(daemon, "POST", "/streams", body, ("Content-Type: " + kind,))
        assert (status, answer) == (201, b"Stream ct%d is created." % i)
        assert request(daemon, "DELETE", "/streams/ct%d" % i)[0] == 200


WRONG = {
    "triggered": ["x", 1, [], {}], "temp": ["x", 1], "name": [1, True, []], "version": [1, {}], "sql": [1, [], {}], "id": [1, True, [], {}], "actions": ["x", 1, {}, [1], ["x"], [[]], [{"nop": 5}], [{"nop": "x"}]],
    "tags": ["x", 1, {}, [1]], "graph": ["x", 1, []], "options": ["x", 1, [], True],
}
OPTIONS = {
    "debug": ["x", 1], "logFilename": [1, []], "isEventTime": ["true", 1, {}], "lateTolerance": ["x", [], {}, True], "concurrency": ["1", 1.5, [], True, 1e30], "bufferLength": ["x", 1.5, {}],
    "sendMetaToSink": ["x", 0], "sendNilField": ["x", 0], "sendError": ["x", 0, []], "qos": ["1", 0.5, []], "checkpointInterval": ["soon", {}, []], "restartStrategy": ["x", 1, []],
    "cron": [1, {}], "duration": [1, []], "cronDatetimeRange": ["x", {}, [1], ["x"], [{"begin": 1}]], "planOptimizeStrategy": ["x", []], "notifySub": ["x"], "disableBufferFullDiscard": ["x", 1],
    "enableSaveStateBeforeStop": ["x", 1], "forceExitTimeout": ["x", []], "experiment": ["x", []],
}


@pytest.mark.parametrize("key", sorted(WRONG))
def test_wrong_types_in_a_rule(same, key):
    for v in WRONG[key]:
        for method, path in (("POST", "/rules"), ("PUT", "/rules/keep"), ("POST", "/rules/validate")):
            if key == "actions" and path == "/rules/validate" and v in ([{"nop": 5}], [{"nop": "x"}]):
                continue  # sinks are not looked at there, as upstream
            status, answer = same.call(method, path, {**RULE, "id": "wrong" if method == "POST" else "keep", **{key: v}})
            if key == "actions" and isinstance(v, list) and v and isinstance(v[0], dict):
                assert status == 400, (method, v, answer)
                continue
            assert status in (400, 422) and "Parse rule" in answer and "cannot unmarshal" in answer, (method, key, v, status, answer)


@pytest.mark.parametrize("key", sorted(OPTIONS))
def test_wrong_types_in_options(same, key):
    for v in OPTIONS[key]:
        for method, path in (("POST", "/rules"), ("PUT", "/rules/keep")):
            status, answer = same.call(method, path, {**RULE, "id": "wrong" if method == "POST" else "keep", "options": {key: v}})
            assert status == 400 and "Parse rule" in answer and key in answer, (method, key, v, status, answer)


@pytest.mark.parametrize("options,text", [
    ({"concurrency": -1}, "invalidConcurrency:concurrency must be greater than 0"), ({"bufferLength": -1}, "invalidBufferLength:bufferLength must be greater than 0"),
    ({"lateTolerance": -1}, "invalidLateTol:lateTol must be greater than 0"), ({"restartStrategy": {"attempts": -1}}, "invalidRestartAttempts:restart attempts must be greater than 0"),
    ({"concurrency": -1, "bufferLength": -2}, "invalidConcurrency:concurrency must be greater than 0\ninvalidBufferLength:bufferLength must be greater than 0")])
def test_values_out_of_range(same, options, text):
    status, answer = same.call("POST", "/rules", {**RULE, "id": "wrong", "options": options})
    assert status == 400 and text in json.loads(answer)["message"], answer


def test_rules_that_are_refused(same):
    for body, text in (
            ({"sql": "SELECT * FROM keep", "actions": [{"nop": {}}]}, "invalid rule json: Missing rule id."), ({"id": "x", "sql": "SELECT * FROM keep"}, "invalid rule json: Missing rule actions."),
            ({"id": "x", "sql": "SELECT * FROM keep", "actions": []}, "invalid rule json: Missing rule actions."), ({"id": "x", "actions": [{"nop": {}}]}, "invalid rule json: Rule x has neither sql nor graph."),
            ({"id": "a b", "sql": "SELECT * FROM keep", "actions": [{"nop": {}}]}, "invalid rule json: id 'a b' contains invalid characters: only alphanumeric, hyphens and underscores are allowed"),
            ({"id": "x", "sql": "SELECT * FROM nobody", "actions": [{"nop": {}}]}, "fail to get stream nobody, please check if stream is created"),
            ({"id": "x", "sql": "SELECT * FROM keep", "actions": [{"nosuch": {}}]}, "sink nosuch is not defined"), ({"id": "keep", "sql": "SELECT * FROM keep", "actions": [{"nop": {}}]}, "rule keep already exists"),
            ({"id": "x", "sql": "SELECT b FROM keep", "actions": [{"nop": {}}]}, "unknown field b")):
        status, answer = same.call("POST", "/rules", body)
        assert (status, json.loads(answer)["message"]) == (400, text)
    status, answer = request(same, "POST", "/rules", b'{"id":"x","sql":"SELECT a FROM keep","actions":[{"nop":{}}]} trailing')
    assert status == 400 and b"after top-level value" in answer


def test_failed_updates_keep_the_old_rule(same):
    for body in ({"sql": "SELECT"}, {"sql": "SELECT a FROM nobody", "actions": [{"nop": {}}]}, {"id": "other", "sql": "SELECT a FROM keep", "actions": [{"nop": {}}]}, {"sql": "SELECT a FROM keep", "actions": [{"nosuch": {}}]}):
        assert same.call("PUT", "/rules/keep", body)[0] == 400
    assert json.loads(same.call("GET", "/rules/keep/status")[1])["status"] == "running"
    for path, sql in (("/streams/keep", "CREATE TABLE keep () WITH (TYPE=\"memory\")"), ("/streams/keep", "CREATE STREAM other () WITH (TYPE=\"memory\")"), ("/streams/keep", "CREATE STREAM keep () WITH (SHARED=\"true\")"),
                      ("/streams/keep", "CREATE STREAM keep () WITH (TEMP=\"true\")"), ("/streams/keep", "DROP STREAM keep"), ("/streams/keep", "nonsense")):
        assert same.call("PUT", path, {"sql": sql})[0] in (400, 404), sql


def test_hostile_statements_are_answered_quickly(same):
    for sql in ("SELECT " + "(" * 10000 + "a" + ")" * 10000 + " FROM keep", "SELECT a FROM keep WHERE " + " AND ".join(["a > 1"] * 20000) + " AND", "SELECT '" + "x" * 1000000, "SELECT " + "a," * 50000 + " FROM keep",
                "SELECT a FROM keep WHERE " + "NOT " * 50000 + "a", "CREATE STREAM x (" + "a STRUCT(" * 5000 + ")"):
        for path, body in (("/rules", {"id": "h", "sql": sql, "actions": [{"nop": {}}]}), ("/streams", {"sql": sql}), ("/rules/validate", {"id": "h", "sql": sql, "actions": [{"nop": {}}]})):
            status, answer = same.call("POST", path, body, timeout=10)
            assert status in (400, 422), (sql[:40], status)


def test_connections_beyond_the_limit_do_not_kill(same):
    held = [socket.create_connection(("127.0.0.1", same.port), 5) for _ in range(300)]
    assert same.call("GET", "/ping")[0] == 200
    for s in held:
        s.close()


def test_percent_signs(same):
    """Texts of a request stand in errors as they are: they are no formats."""
    evil = "%s%n%5000000d%"
    for sink in ({"mqtt": {"server": "tcp://127.0.0.1:1", "topic": "t", "sendSingle": evil}}, {"mqtt": {"server": "tcp://127.0.0.1:1", "topic": evil, "enableCache": True, "memoryCacheThreshold": evil}},
                 {"mqtt": {"server": "tcp://127.0.0.1:1", "topic": "t", "encryption": evil}}, {"mqtt": {"server": "tcp://127.0.0.1:1", "topic": "t", "compression": evil}}, {evil: {}}):
        status, text = same.call("POST", "/rules", {"id": "p", "sql": "SELECT a FROM keep", "actions": [sink]})
        assert status == 400 and evil in text, (sink, text)
    for sql in ('SELECT `%s` FROM `%s%n`'.replace("%s%n", evil), 'SELECT "%s" + FROM keep' % evil, "SELECT `%s` FROM keep" % evil):
        status, text = same.call("POST", "/rules", {"id": "p", "sql": sql, "actions": [{"nop": {}}]})
        assert status == 400 and "%" in text, (sql, text)
