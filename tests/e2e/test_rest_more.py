"""What transcripts cannot show well: results of trials by both ways, tokens of each kind, HTTPS, spans with a context and at a collector, metrics as files."""
import base64, http.server, io, json, os, socket, ssl, struct, subprocess, threading, time, urllib.request, zipfile
import pytest
from kit import Daemon, wait


def listen(d, path, websocket):
    """A connection to the data server that reads messages of an event stream or a WebSocket."""
    s = socket.create_connection(("127.0.0.1", d.push), 10)
    up = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n" if websocket else ""
    s.sendall(("GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n" % (path, up)).encode())
    f = s.makefile("rb")
    status = int(f.readline().split()[1])
    while f.readline().strip():
        pass
    return s, f, status


def ws_text(f):
    head = f.read(2)
    n = head[1] & 127
    if n == 126:
        n = struct.unpack("!H", f.read(2))[0]
    return f.read(n).decode()


def sse_text(f):
    while True:
        line = f.readline()
        if line.startswith(b"data: "):
            return line[6:].strip().decode()


@pytest.fixture
def daemon():
    d = Daemon().start()
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM demo () WITH (TYPE="memory", DATASOURCE="d/t")'})
    yield d
    d.stop()
    d.close()


def test_a_trial_is_heard_both_ways_and_ends(daemon):
    for again in range(2):  # a second one of the same name takes the first one's place
        r = daemon.ask("POST", "/ruletest", {"id": "t1", "sql": "SELECT a, a * 2 AS b FROM demo", "mockSource": {"demo": {"data": [{"a": 1}, {"a": 2}], "interval": 20, "loop": False}}, "sinkProps": {"sendSingle": True}})
        assert r == {"id": "t1", "port": daemon.push}
    ws, wf, status = listen(daemon, "/test/t1", True)
    assert status == 101
    sse, sf, status = listen(daemon, "/test/t1", False)
    assert status == 200
    assert daemon.call("POST", "/ruletest/t1/start") == (200, "Test rule t1 was started")
    for f, read in ((wf, ws_text), (sf, sse_text)):
        assert [json.loads(read(f)) for _ in range(2)] == [{"a": 1, "b": 2}, {"a": 2, "b": 4}]
    assert daemon.ask("GET", "/rules") == []
    assert daemon.call("DELETE", "/ruletest/t1") == (200, "Test rule t1 was stopped.")
    sse.settimeout(10)
    while sf.readline() not in (b"", b"0\r\n"):  # the stream ends
        pass
    for s in (ws, sse):
        s.close()
    wait("the path to go", 5, lambda: listen(daemon, "/test/t1", False)[2] == 404)
    assert daemon.call("POST", "/ruletest/t1/start")[0] == 400
    # one that is still running is no trouble at the daemon's end
    daemon.ask("POST", "/ruletest", {"id": "t2", "sql": "SELECT a FROM demo", "mockSource": {"demo": {"data": [{"a": 1}], "interval": 10, "loop": True}}})
    assert daemon.call("POST", "/ruletest/t2/start")[0] == 200


# ---- tokens ----
def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def run(*cmd, data=None):
    return subprocess.run(cmd, input=data, check=True, capture_output=True).stdout


def token(key, alg, claims):
    text = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + "." + b64(json.dumps(claims).encode())
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1"] if alg[0] == "P" else []
    return text + "." + b64(run("openssl", "dgst", "-sha" + alg[2:], *pss, "-sign", key, data=text.encode()))


def test_tokens_of_each_kind(tmp_path):
    key, other = str(tmp_path / "key.pem"), str(tmp_path / "other.pem")
    for k in (key, other):
        run("openssl", "genrsa", "-out", k, "2048")
    d = Daemon(sets=["basic.authentication=true", "basic.enableRestAuditLog=true"])
    os.makedirs(d.home + "/etc/mgmt")
    run("openssl", "rsa", "-in", key, "-pubout", "-out", d.home + "/etc/mgmt/mine.pub")
    run("openssl", "req", "-x509", "-new", "-key", key, "-subj", "/CN=me", "-days", "2", "-out", d.home + "/etc/mgmt/cert.pem")
    d.write("etc/mgmt/broken.pub", "not a key")
    d.start()

    def ask(t, path="/streams"):
        r = urllib.request.Request("http://127.0.0.1:%d%s" % (d.port, path), headers={"Authorization": t} if t else {})
        try:
            with urllib.request.urlopen(r, timeout=10) as x:
                return x.status, x.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
    good = {"iss": "mine.pub", "aud": "eKuiper", "exp": int(time.time()) + 60}
    try:
        for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
            assert ask(token(key, alg, good)) == (200, "[]"), alg
        assert ask(token(key, "RS256", {**good, "iss": "CERT.PEM"}))[0] == 200
        for t, text in ((token(other, "RS256", good), "crypto/rsa: verification error"), (token(key, "RS256", {**good, "iss": "broken.pub"}), "no RSA public key"),
                        (token(key, "RS256", {**good, "exp": 5}), "token is expired"), (token(key, "RS256", {**good, "aud": 5}), "audience field should contain eKuiper, but got []"),
                        ("", "missing_token"), ("....", "invalid number of segments"), ("a.b", "invalid number of segments"), ("\u00e4.b.c".encode().decode("latin-1"), "base64"), ("x" * 60000, "segments"),
                        (b64(b"{") + "." + b64(b"{}") + ".AA", "could not JSON decode header"), (b64(b"[]") + "." + b64(b"{}") + ".AA", "unspecified")):
            status, answer = ask(t)
            assert status == 401 and text in answer, (t[:40], answer)
        assert ask("", "/ping") == (200, "") and ask("", "/nobody")[0] == 404
        assert "visit GET /streams" in d.log()
        key_file = d.home + "/etc/mgmt/mine.pub"
        os.remove(key_file)
        assert ask(token(key, "RS256", good))[0] == 401
    finally:
        d.stop()
        d.close()


def test_rest_over_tls(tmp_path):
    key, cert = str(tmp_path / "k.pem"), str(tmp_path / "c.pem")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-out", cert)
    d = Daemon(sets=["basic.restTls.certfile=" + cert, "basic.restTls.keyfile=" + key]).start()
    try:
        ctx = ssl.create_default_context(cafile=cert)
        for _ in range(3):
            with urllib.request.urlopen("https://127.0.0.1:%d/streams" % d.port, context=ctx, timeout=10) as r:
                assert r.read() == b"[]"
        with socket.create_connection(("127.0.0.1", d.port), 5) as s:  # plain text on the same port
            s.settimeout(5)
            s.sendall(b"GET /streams HTTP/1.1\r\nHost: h\r\n\r\n")
            assert not s.recv(100).startswith(b"HTTP/1.1 200")
        with urllib.request.urlopen("https://127.0.0.1:%d/ping" % d.port, context=ctx, timeout=10) as r:
            assert r.status == 200
    finally:
        d.stop()
        d.close()
    d = Daemon(sets=["basic.restTls.certfile=/nowhere.pem", "basic.restTls.keyfile=" + key])
    d.start(ready=False)
    assert d.p.wait(10) != 0 and "/nowhere.pem" in d.said()
    d.close()


# ---- spans ----
class Collector(http.server.BaseHTTPRequestHandler):
    got = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Collector.got.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *a):
        pass


def test_spans_with_a_context_and_at_a_collector():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    d = Daemon(sets=["openTelemetry.localTraceCapacity=3"]).start()
    try:
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM hp () WITH (TYPE="httppush", DATASOURCE="/in")'})
        d.ask("POST", "/rules", {"id": "r1", "sql": "SELECT a + 1 AS b FROM hp WHERE a > 0", "actions": [{"nop": {}}]})
        d.ask("POST", "/tracer", {"service_name": "mine", "action": "start", "collector_url": "127.0.0.1:%d" % server.server_port})
        d.ask("POST", "/rules/r1/trace/start", {"strategy": "head"})

        def push(row, context=None):
            r = urllib.request.Request("http://127.0.0.1:%d/in" % d.push, json.dumps(row).encode(), {"traceparent": context} if context else {}, method="POST")
            urllib.request.urlopen(r, timeout=10).read()
        wait("the path", 10, lambda: listen(d, "/in", False)[2] == 405)
        ids = ["%032x" % (i + 0xabc) for i in range(5)]
        push({"a": 1})
        for i in ids:
            push({"a": 5}, "00-%s-00f067aa0ba902b7-01" % i)
        push({"a": 6}, "nonsense")
        seen = wait("spans", 10, lambda: len(d.ask("GET", "/trace/rule/r1")) == 3 and d.ask("GET", "/trace/rule/r1"))
        assert seen == ids[:1:-1]  # newest first; older ones gave way
        tree = d.ask("GET", "/trace/" + ids[4])
        names = []
        while tree:
            names.append(tree["name"])
            assert tree["traceID"] == ids[4] and tree["ruleID"] == "r1" and tree["startTime"] <= tree["endTime"]
            parent, tree = tree["spanID"], tree["ChildSpan"][0] if tree["ChildSpan"] else None
            assert not tree or tree["parentSpanID"] == parent
        assert names == ["hp", "2_decoder", "3_filter", "4_project", "nop_0_0_transform", "nop_0_1_encode", "nop_0"], names
        assert d.call("GET", "/trace/" + ids[0])[0] == 404
        wait("the collector", 10, lambda: len(Collector.got) >= 5)
        path, doc = min(Collector.got, key=lambda g: json.dumps(g))  # they come over several connections
        spans = doc["resourceSpans"][0]["scopeSpans"][0]["spans"]
        assert path == "/v1/traces" and spans[0]["traceId"] == ids[0] and spans[0]["parentSpanId"] == "00f067aa0ba902b7" and len(spans) == 7
        assert doc["resourceSpans"][0]["resource"]["attributes"][0]["value"] == {"stringValue": "mine"}
        d.ask("POST", "/rules/r1/trace/stop")
        push({"a": 7}, "00-%s-00f067aa0ba902b7-01" % ("f" * 32))
        d.ask("POST", "/rules/r1/trace/start", {"strategy": "always"})
        push({"a": 0})
        t = wait("the filtered row", 10, lambda: [x for x in d.ask("GET", "/trace/rule/r1") if x not in ids])
        tree = d.ask("GET", "/trace/" + t[0])
        assert json.loads(base64.b64decode(tree["attribute"]["data"])) == {"a": 0} and "project" not in json.dumps(tree)
    finally:
        d.stop()
        d.close()
        server.shutdown()


def test_cpu_usage_and_status_of_all():
    d = Daemon(sets=["basic.ResourceProfileConfig.enable=true", "basic.ResourceProfileConfig.interval=200ms"]).start()
    try:
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM s () WITH (TYPE="simulator", CONF_KEY="fast")'})
        d.ask("PUT", "/metadata/sources/simulator/confKeys/fast", {"data": [{"a": 1}, {"a": "x"}], "interval": "1ms", "loop": True})
        d.ask("POST", "/rules", {"id": "r1", "sql": "SELECT a * 2 AS b FROM s", "actions": [{"nop": {}}]})
        d.ask("POST", "/rules", {"id": "r2", "sql": "SELECT a FROM s", "actions": [{"nop": {}}], "triggered": False})
        usage = wait("usage", 30, lambda: isinstance(d.ask("GET", "/rules/usage/cpu"), dict) and d.ask("GET", "/rules/usage/cpu").get("r1") is not None and d.ask("GET", "/rules/usage/cpu"))
        assert list(usage) == ["r1"] and usage["r1"] >= 0
        s = wait("errors", 30, lambda: d.ask("GET", "/rules/status/all")["r1"]["exceptions_total"] > 1 and d.ask("GET", "/rules/status/all"))
        assert s["r2"] == {"status": "stopped", "last_exception": "", "exceptions_total": 0} and "invalid operation" in s["r1"]["last_exception"]
    finally:
        d.stop()
        d.close()


def test_a_source_is_put_to_another_position():
    d = Daemon()
    d.write("data/in/a.lines", '{"a":1}\n')
    d.start()
    try:
        d.ask("PUT", "/metadata/sources/file/confKeys/dir", {"path": "data", "fileType": "lines"})
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM f () WITH (TYPE="file", DATASOURCE="in", CONF_KEY="dir")'})
        d.ask("POST", "/rules", {"id": "r1", "sql": "SELECT * FROM f", "actions": [{"nop": {}}]})

        def came():
            return json.loads(d.call("GET", "/rules/r1/status")[1])["source_f_0_records_in_total"]
        wait("the file", 10, lambda: came() == 1)
        assert d.call("PUT", "/rules/r1/reset_state", {"type": 1, "params": {"streamName": "f", "input": {"mtime": 0}}}) == (200, "success")
        wait("the file again", 10, lambda: came() == 1)  # counted from the new start
        later = int(time.time()) + 1000
        assert d.call("PUT", "/rules/r1/reset_state", {"type": 1, "params": {"streamName": "f", "input": {"mtime": later * 10**9}}}) == (200, "success")
        d.write("data/new.lines", '{"a":2}\n')
        os.utime(d.home + "/data/new.lines", (later + 1000, later + 1000))
        os.rename(d.home + "/data/new.lines", d.home + "/data/in/b.lines")
        wait("the new file", 10, lambda: came() == 1)  # and the old one not a third time
        assert json.loads(d.call("GET", "/rules/r1/status")[1])["source_f_0_records_out_total"] == 1
    finally:
        d.stop()
        d.close()


def test_metrics_as_files():
    d = Daemon(sets=["basic.metricsDumpConfig.enable=true"])
    d.write("log/metrics/metrics." + time.strftime("%Y%m%d-%H") + ".log", "# time 1\nkuiper_rule_count 1\n")
    d.start()
    try:
        c = urllib.request.urlopen("http://127.0.0.1:%d/metrics/dump" % d.port, timeout=10)
        with zipfile.ZipFile(io.BytesIO(c.read())) as z:
            assert z.testzip() is None and len(z.namelist()) == 1 and z.read(z.namelist()[0]).startswith(b"# time 1\nkuiper_rule_count 1\n")
        assert d.call("GET", "/metrics/dump?startTime=0&endTime=5")[0] == 400
        assert d.call("GET", "/metrics/dump/check") == (200, "enabled")
    finally:
        d.stop()
        d.close()


def form(parts):
    """A multipart body of (name, filename, text)."""
    out = ""
    for name, filename, text in parts:
        out += '--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name, '; filename="%s"' % filename if filename else "", text)
    return (out + "--b--\r\n").encode()


def test_schemas_by_form_and_in_yaml():
    d, other = Daemon().start(), Daemon().start()

    def put(body, kind="multipart/form-data; boundary=b", name="s1"):
        r = urllib.request.Request("http://127.0.0.1:%d/schemas/protobuf/%s/upload" % (d.port, name), body, {"Content-Type": kind}, method="PUT")
        try:
            with urllib.request.urlopen(r, timeout=10) as x:
                return x.status, json.loads(x.read()), x.headers["Location"]
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read()), None
    try:
        text = 'syntax = "proto3";\nmessage M { int64 a = 1; }\n'
        assert put(form([("file", "s1.proto", text), ("version", "", "2")])) == (201, {"type": "protobuf", "name": "s1"}, "/schemas/protobuf/s1")
        assert put(form([("file", "x.proto", text + "//"), ("version", "", "3")]))[0] == 200
        s = d.ask("GET", "/schemas/protobuf/s1")
        assert s["content"] == text + "//" and s["version"] == "3" and s["file"].endswith("/data/schemas/protobuf/s1@3.proto")
        assert not os.path.exists(d.home + "/data/schemas/protobuf/s1@2.proto")
        status, answer, _ = put(form([("file", "x.proto", text), ("version", "", "1")]))
        assert status == 400 and answer["message"].endswith("schema protobuf.s1 already registered with a newer version 3")
        for body, kind, name, want in ((b"", "multipart/form-data; boundary=b", "s1", 400), (b"x", "multipart/form-data", "s1", 400), (form([("other", "x.proto", "x")]), "multipart/form-data; boundary=b", "s1", 400),
                                       (form([("file", "x.exe", "x")]), "multipart/form-data; boundary=b", "s1", 400), (b"{}", "application/json", "s1", 415), (form([("file", "x.proto", text)]), "multipart/form-data; boundary=b", "a.b", 400),
                                       (form([("file", "x.proto", text), ("version", "", "9" * 5000)]), "multipart/form-data; boundary=b", "s1", 400)):
            assert put(body, kind, name)[0] == want, (kind, name, body[:80])
        d.ask("POST", "/streams", {"sql": 'CREATE STREAM y (a BIGINT) WITH (TYPE="memory", DATASOURCE="its: 1 - x", FORMAT="json")'})
        d.ask("POST", "/rules", {"id": "r1", "name": "yes", "sql": 'SELECT a, "x: y # z" AS t FROM y WHERE a > 1', "actions": [{"log": {}}], "options": {"qos": 1}, "tags": ["no", "1", "a b", ""]})
        d.ask("PUT", "/metadata/sources/simulator/confKeys/k", {"data": [{"a": [1, {"b": None}]}, {}], "loop": True, "interval": "1s"})
        yaml = d.call("GET", "/v2/data/export")[1]
        assert other.call("POST", "/v2/data/import", {"content": yaml}) == (200, "success")
        assert other.call("GET", "/v2/data/export")[1] == yaml
        assert other.ask("GET", "/rules/r1")["tags"] == ["no", "1", "a b", ""] and other.ask("GET", "/schemas/protobuf/s1")["content"] == text + "//"
        assert other.call("POST", "/v2/data/import", {"content": yaml}) == (200, "success")  # the same again replaces
        assert d.call("DELETE", "/schemas/protobuf/s1") == (200, "protobuf schema s1 is deleted") and d.ask("GET", "/schemas/protobuf") == []
    finally:
        for x in (d, other):
            x.stop()
            x.close()
