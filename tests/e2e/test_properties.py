"""Each property of each connector used, with its effect. What nobody used is named by the last test."""
import base64, gzip, json, os, shutil, ssl, tempfile, time, zlib
import pytest
from kit import Broker, Mqtt, free_port, wait
from kit_conn import USED, Engine, Web, WsServer, opened, tables, ws_dial
from kit_rows import *


def test_mqtt_metadata_and_sessions(w):
    d, url = w.d, w.broker.url
    name, out = one(w, "mqtt", "meta/+,other", {"server": url, "protocolVersion": "5", "qos": 2, "clientid": d.fresh("kit-c"), "enableClientSession": True,
                                               "clientStatePath": "data/mqtt", "sessionExpiryIntervalSeconds": 30},
                    sql="SELECT n, meta(topic) AS t, meta(qos) AS q, meta(messageId) AS i, meta(properties) AS p FROM %s")
    up(w, name)
    sink = to(w, {"mqtt": {"server": url, "protocolVersion": "5", "qos": 2, "topic": "meta/x", "clientid": d.fresh("kit-c"), "enableClientSession": True,
                             "clientStatePath": "data/mqtt", "sessionExpiryIntervalSeconds": 30, "properties": {"site": "a"}, "sendSingle": True}}, [{"n": 1}])
    out.has(1)
    r = out.rows()[0]
    assert (r["t"], r["q"], r["p"]) == ("meta/x", 2, {"site": "a"}) and r["i"] > 0, r
    d.ask("POST", "/rules/%s/stop" % name)
    d.feed("/to/" + sink, {"n": 2})  # collects in the session
    d.ask("POST", "/rules/%s/start" % name)
    out.has(2)
    d.drop(name, sink)


def test_mqtt_retained_and_shared_subscription(w):
    d, url = w.d, w.broker.url
    sink = to(w, {"mqtt": {"server": url, "topic": "kept/a", "retained": True, "qos": 1, "protocolVersion": "3.1", "clientid": d.fresh("c"), "sendSingle": True}}, [{"n": 5}])
    m, got = sub(w, "kept/a")
    wait("the message", 10, lambda: got)
    name, out = one(w, "mqtt", "kept/a", {"server": url, "protocolVersion": "3.1.1"})
    out.has(5)
    both = [one(w, "mqtt", "$share/g/job", {"server": url, "qos": 1}) for _ in range(2)]
    for n, _ in both:
        up(w, n)
    for i in range(40):
        w.mqtt.publish("job", json.dumps({"n": i}).encode())
    w.mqtt.settle()
    wait("every job once", 10, lambda: sorted(r["n"] for _, o in both for r in o.rows()) == list(range(40)))
    assert all(o.rows() for _, o in both), "one of them got everything"
    m.close()
    d.drop(name, sink, *[n for n, _ in both])
    w.mqtt.publish("kept/a", b"")


def test_mqtt_eof_message(w):
    name, out = one(w, "mqtt", "eof", {"server": w.broker.url, "eofMessage": base64.b64encode(b"END").decode()})
    up(w, name)
    w.mqtt.publish("eof", b'{"n":1}')
    w.mqtt.publish("eof", b"END")
    out.has(1)
    wait(lambda: "the end: %s" % w.d.status(name), 10, lambda: "stopped" in w.d.status(name)["status"])
    w.d.drop(name)


def secure_broker(w, tail):
    c = w.certs
    os.chmod(c + "/server.key", 0o644)
    port = free_port()
    b = Broker("listener %d 127.0.0.1\ncafile %s/ca.pem\ncertfile %s/server.pem\nkeyfile %s/server.key\n%s" % (port, c, c, c, tail))
    b.tls_port = port
    return b


def test_mqtt_tls_and_passwords(w):
    c, d = w.certs, w.d
    os.makedirs(d.home + "/certs", exist_ok=True)
    for n in ("ca.pem", "client.pem", "client.key"):
        shutil.copy(c + "/" + n, d.home + "/certs/" + n)
    b = secure_broker(w, "require_certificate true\n")
    url = "ssl://127.0.0.1:%d" % b.tls_port
    files = {"certificationPath": "certs/client.pem", "privateKeyPath": "certs/client.key", "rootCaPath": "certs/ca.pem"}
    raw = {"certificationRaw": b64file(c + "/client.pem"), "privateKeyRaw": b64file(c + "/client.key"), "rootCARaw": b64file(c + "/ca.pem")}
    try:
        for kind, extra in (("files", files), ("raw", raw), ("skip", dict(files, rootCaPath="", insecureSkipVerify=True))):
            name, out = one(w, "mqtt", "tls/" + kind, dict({"server": url, "qos": 1, "tlsMinVersion": "tls1.3"}, **extra))
            up(w, name)
            sink = to(w, {"mqtt": dict({"server": url, "topic": "tls/" + kind, "sendSingle": True, "tlsMinVersion": "tls1.2"}, **extra)}, [{"n": 1}])
            out.has(1)
            d.drop(name, sink)
        name, out = one(w, "mqtt", "tls/no", {"server": url})
        message(w, name, "certificate verify failed")
        d.drop(name)
    finally:
        b.close()
    b = Broker()
    import subprocess
    subprocess.run(["mosquitto_passwd", "-b", "-c", b.dir + "/pw", "joe", "secret"], check=True, stderr=subprocess.DEVNULL)
    os.chmod(b.dir + "/pw", 0o644)
    b.stop()
    text = open(b.dir + "/mosquitto.conf").read().replace("allow_anonymous true", "allow_anonymous false\npassword_file %s/pw" % b.dir)
    open(b.dir + "/mosquitto.conf", "w").write(text)
    b.start()
    try:
        name, out = one(w, "mqtt", "pw", {"server": b.url, "username": "joe", "password": "secret"})
        up(w, name)
        sink = to(w, {"mqtt": {"server": b.url, "topic": "pw", "username": "joe", "password": "secret", "sendSingle": True}}, [{"n": 1}])
        out.has(1)
        bad, _ = one(w, "mqtt", "pw", {"server": b.url, "username": "joe", "password": "wrong"})
        message(w, bad, "refused by the broker")
        d.drop(name, sink, bad)
    finally:
        b.close()


def test_mqtt_websocket(w):
    port, secure = free_port(), free_port()
    c = w.certs
    b = Broker("listener %d 127.0.0.1\nprotocol websockets\nlistener %d 127.0.0.1\nprotocol websockets\ncafile %s/ca.pem\ncertfile %s/server.pem\nkeyfile %s/server.key\n" % (port, secure, c, c, c))
    try:
        name, out = one(w, "mqtt", "ws/#", {"server": "ws://127.0.0.1:%d/mqtt" % port, "qos": 1})
        up(w, name)
        sink = to(w, {"mqtt": {"server": "wss://127.0.0.1:%d" % secure, "topic": "ws/1", "qos": 1, "rootCaPath": c + "/ca.pem", "sendSingle": True}}, [{"n": i} for i in range(20)])
        out.has(*range(20))
        b.stop()
        b.start()
        w.d.feed("/to/" + sink, {"n": 21})
        out.has(21, seconds=20)
        w.d.drop(name, sink)
    finally:
        b.close()


def test_mqtt_one_subscription(w):
    """Two streams with one topic on one connection: each message once to each, retained ones too."""
    d = w.d
    w.mqtt.publish("twice", b'{"n":0}')
    d.ask("POST", "/connections", {"id": "twice", "typ": "mqtt", "props": {"server": w.broker.url}})
    both = [one(w, "mqtt", "twice", {"connectionSelector": "twice", "qos": q}) for q in (1, 0)]
    for n, _ in both:
        up(w, n)
    status, text = d.call("DELETE", "/connections/twice")
    assert status == 400 and "can't be dropped due to rule references" in text
    sink = to(w, {"mqtt": {"connectionSelector": "twice", "topic": "twice", "qos": 1, "sendSingle": True}}, [{"n": i} for i in range(1, 20)])
    for _, o in both:
        o.has(*range(1, 20))
        assert sorted(r["n"] for r in o.rows() if r["n"]) == list(range(1, 20)), "duplicates"
    d.drop(sink, *[n for n, _ in both])
    d.ask("DELETE", "/connections/twice")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_mqtt_overlapping_filters(w, version):
    """Filters that overlap, of two streams on one connection and inside of one stream: each message once to each stream."""
    d, top = w.d, "ov" + version[0]
    d.ask("POST", "/connections", {"id": top, "typ": "mqtt", "props": {"server": w.broker.url, "protocolVersion": version}})
    rules = [one(w, "mqtt", f, dict(p, qos=1)) for f, p in ((top + "/#", {"connectionSelector": top}), (top + "/a", {"connectionSelector": top}),
                                                             ("%s/+,%s/#,%s/a" % (top, top, top), {"server": w.broker.url, "protocolVersion": version}))]
    for n, _ in rules:
        up(w, n)
    for i in range(10):
        w.mqtt.publish(top + "/a", json.dumps({"n": i}).encode())
    w.mqtt.publish(top + "/b", b'{"n":10}')
    rules[0][1].has(10)
    rules[2][1].has(10)
    rules[1][1].has(9)
    got = [[r["n"] for r in o.rows()] for _, o in rules]
    assert got == [list(range(11)), list(range(10)), list(range(11))], got
    d.drop(*[n for n, _ in rules])
    d.ask("DELETE", "/connections/" + top)


def test_common_source_properties(w):
    d, url = w.d, w.broker.url
    for method, pack in (("gzip", gzip.compress), ("zlib", zlib.compress), ("flate", lambda b: zlib.compress(b)[2:-4])):
        name, out = one(w, "mqtt", "zip/" + method, {"server": url, "decompression": method})
        up(w, name)
        w.mqtt.publish("zip/" + method, b"not compressed")
        w.mqtt.publish("zip/" + method, pack(b'{"n":7}'))
        out.has(7)
        assert d.status(name)["op_2_decoder_0_exceptions_total"] == 1
        d.drop(name)
    # zstd both ways: a sink makes it
    name, out = one(w, "mqtt", "zip/zstd", {"server": url, "decompression": "zstd"})
    up(w, name)
    sink = to(w, {"mqtt": {"server": url, "topic": "zip/zstd", "compression": "zstd", "sendSingle": True}}, [{"n": 8}])
    out.has(8)
    d.drop(name, sink)
    # rate limit: the newest of each interval
    name, out = one(w, "mqtt", "rate", {"server": url, "interval": 150, "useInt64ForWholeNumber": True})
    up(w, name)
    for i in range(100):
        w.mqtt.publish("rate", json.dumps({"n": i}).encode())
    out.has(99)
    assert len(out.rows()) < 50, out.rows()
    d.drop(name)
    # by field: the newest of each key, merged into one row
    name, out = one(w, "mqtt", "merge", {"server": url, "interval": 300, "mergeField": "id"})
    up(w, name)
    for row in ({"id": 1, "a": 1}, {"id": 2, "b": 2}, {"id": 1, "a": 3}):
        w.mqtt.publish("merge", json.dumps(row).encode())
    out.wait(lambda rows: any(r.get("a") == 3 and r.get("b") == 2 for r in rows))
    d.drop(name)
    # a payload inside of the row
    name, out = one(w, "mqtt", "inner", {"server": url, "payloadFormat": "json", "payloadField": "data"})
    up(w, name)
    w.mqtt.publish("inner", json.dumps({"k": 1, "data": base64.b64encode(b'[{"n":1},{"n":2}]').decode()}).encode())
    w.mqtt.publish("inner", json.dumps({"k": 2, "data": '{"n":3}'}).encode())
    w.mqtt.publish("inner", json.dumps({"k": 3}).encode())
    out.has(1, 2, 3)
    assert [r["k"] for r in out.rows()] == [1, 1, 2] and all("data" not in r for r in out.rows()), out.rows()
    d.drop(name)
    name, out = one(w, "mqtt", "frames", {"server": url, "payloadFormat": "delimited", "payloadField": "d", "payloadBatchField": "frames", "payloadDelimiter": ";", "payloadSchemaId": ""})
    up(w, name)
    w.mqtt.publish("frames", json.dumps({"n": 1, "frames": [{"d": "x;y", "e": 1}, 5, {"d": "z"}]}).encode())
    out.has(1)
    assert out.rows()[0] == {"n": 1, "e": 1, "col0": "z", "col1": "y"}, out.rows()
    d.drop(name)


def test_push_properties(w):
    name, out = one(w, "httppush", "/prop/push", {"method": "POST", "bufferLength": 5})
    up(w, name)
    assert w.d.post("/prop/push", {"n": 1}) == (200, b"ok")
    assert w.d.post("/prop/push", {"n": 1}, "PUT")[0] == 405
    assert w.d.post("/prop/none", {"n": 1})[0] == 404
    assert w.d.post("/prop/push", [{"n": 2}, {"n": 3}])[0] == 200
    assert w.d.post("/prop/push", b"{bad")[0] == 200  # counted, as upstream
    out.has(1, 2, 3)
    message(w, name, '"op_2_decoder_0_exceptions_total": 1')
    second, out2 = one(w, "httppush", "/prop/push", {})  # two rules on one path
    up(w, second)
    assert w.d.post("/prop/push", {"n": 4})[0] == 200
    out.has(4)
    out2.has(4)
    w.d.drop(name, second)


def test_data_server_settings(w):
    """HTTPS and WebSocket over TLS at the data server; requests of pages of other origins."""
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", w.d.push, timeout=10)
    c.request("OPTIONS", "/any", headers={"Origin": "http://page", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"})
    r = c.getresponse()
    r.read()
    assert (r.status, r.headers["Access-Control-Allow-Origin"], r.headers["Access-Control-Allow-Methods"], r.headers["Access-Control-Allow-Headers"]) == (200, "*", "PUT", "Content-Type")
    c.request("POST", "/none", "x", headers={"Origin": "http://page"})
    r = c.getresponse()
    assert r.status == 404 and r.read() and r.headers["Access-Control-Allow-Origin"] == "*"
    c.close()
    d = Engine(sets=["source.httpServerTls.certfile=%s/server.pem" % w.certs, "source.httpServerTls.keyfile=%s/server.key" % w.certs]).start()
    try:
        out = w.out("secure")
        d.create("secure", "httppush", "/secure")
        d.add("secure", "SELECT * FROM secure", out.action())
        d.running("secure")
        context = ssl.create_default_context(cafile=w.certs + "/ca.pem")

        def post():
            c = http.client.HTTPSConnection("127.0.0.1", d.push, timeout=10, context=context)
            try:
                c.request("POST", "/secure", '{"n":1}')
                return c.getresponse().status == 200
            finally:
                c.close()
        wait("HTTPS", 10, post)
        out.has(1)
        d.create("wss", "websocket", "/wss")  # one of ours dials the other
        d.add("wss", "SELECT * FROM wss", w.out("wss").action())
        d.add("back", "SELECT * FROM secure", {"websocket": {"addr": "127.0.0.1:%d" % d.push, "scheme": "wss", "path": "/wss", "rootCaPath": w.certs + "/ca.pem", "sendSingle": True}})
        up_of = lambda: d.status("back").get("sink_websocket_0_0_connection_status") == 1
        wait(lambda: "wss: %s" % d.status("back"), 10, up_of)
        post()
        w.out("wss").has(1)
        d.stop()
    finally:
        d.close()


def test_pull_properties(w):
    d, base = w.d, "http://127.0.0.1:%d" % w.web.port
    asked = lambda path: w.web.at(path)
    w.pages["/pp/a"] = lambda r: (200, {}, json.dumps([{"n": 1}, {"n": 2}]))
    name, out = one(w, "httppull", "/pp/a", {"url": base, "method": "PUT", "interval": 30, "timeout": "1s", "body": '{"ask":1}', "bodyType": "json", "headers": {"X-Kit": "yes"}, "incremental": True})
    out.has(1, 2)
    wait("several pulls", 10, lambda: len(asked("/pp/a")) > 3)
    r = asked("/pp/a")[0]
    assert (r["method"], r["body"], r["headers"]["x-kit"], r["headers"]["content-type"]) == ("PUT", b'{"ask":1}', "yes", "application/json")
    assert len(out.rows()) == 2, "incremental: the same answer again gives nothing"
    d.drop(name)
    # responseType body: the code inside counts
    w.pages["/pp/body"] = lambda r: (200, {}, json.dumps({"n": 3, "code": 500}) if len(asked("/pp/body")) < 3 else json.dumps({"n": 4, "code": 200}))
    name, out = one(w, "httppull", "/pp/body", {"url": base, "interval": 30, "responseType": "body"})
    out.has(4)
    assert 3 not in [r["n"] for r in out.rows()]
    d.drop(name)
    # states: the answer's values go into the next url
    def page(r):
        at = int(r["path"].split("=")[1])
        return 200, {}, json.dumps({"n": at, "since": at + 1})
    w.pages["/pp/state"] = page
    name, out = one(w, "httppull", "?since={{.since}}", {"url": base + "/pp/state", "interval": 20, "states": {"since": 5}})
    out.has(5, 6, 7)
    d.drop(name)
    # compressed answers
    w.pages["/pp/zip"] = lambda r: (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"n":9}'))
    name, out = one(w, "httppull", "/pp/zip", {"url": base, "interval": 50, "compression": "gzip"})
    out.has(9)
    d.drop(name)
    # a token, taken anew when half its time is over
    tokens = []
    def token(r):
        tokens.append(r)
        return 200, {}, json.dumps({"access_token": "t%d" % len(tokens), "refresh_token": "r"})
    w.pages["/token"] = w.pages["/refresh"] = token
    w.pages["/pp/secret"] = lambda r: (200, {}, json.dumps({"n": 1, "by": r["headers"].get("authorization"), "body": r["body"].decode()}))
    name, out = one(w, "httppull", "/pp/secret", {"url": base, "method": "post", "interval": 100, "headers": {"Authorization": "Bearer {{.access_token}}"}, "body": '{"t":"{{.access_token}}"}',
                    "oAuth": {"access": {"url": base + "/token", "body": '{"user":"a"}', "headers": {"X-A": "1"}, "expire": "1"}, "refresh": {"url": base + "/refresh", "headers": {"X-R": "{{.refresh_token}}"}, "body": ""}}})
    out.wait(lambda rows: any(r["by"] == "Bearer t1" for r in rows) and any(r["by"] == "Bearer t2" and r["body"] == '{"t":"t2"}' for r in rows))
    assert tokens[0]["body"] == b'{"user":"a"}' and tokens[0]["headers"]["x-a"] == "1"
    assert tokens[1]["path"] == "/refresh" and tokens[1]["headers"]["x-r"] == "r"
    d.drop(name)
    USED.add(("httppull", "source", "oauth"))
    # errors are told: a status, no JSON, a slow answer
    w.pages["/pp/500"] = lambda r: (500, {}, b"")
    w.pages["/pp/text"] = lambda r: (200, {}, b"hello")
    w.pages["/pp/late"] = lambda r: (time.sleep(1), (200, {}, b"{}"))[1]
    for path, text in (("/pp/500", "response code error: 500"), ("/pp/text", "invalid"), ("/pp/late", "timeout")):
        name, out = one(w, "httppull", path, {"url": base, "interval": 50, "timeout": 200})
        wait(lambda: "%s: %s" % (path, d.status(name)), 10, lambda: d.status(name)["source_%s_0_exceptions_total" % name] > 0)
        d.drop(name)


def tls_context(w):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(w.certs + "/server.pem", w.certs + "/server.key")
    c.load_verify_locations(w.certs + "/ca.pem")
    c.verify_mode = ssl.CERT_REQUIRED
    return c


def test_tls_of_http_and_websocket(w):
    c, d = w.certs, w.d
    files = {"certificationPath": c + "/client.pem", "privateKeyPath": c + "/client.key", "rootCaPath": c + "/ca.pem", "tlsMinVersion": "tls1.2"}
    raw = {"certificationRaw": b64file(c + "/client.pem"), "privateKeyRaw": b64file(c + "/client.key"), "rootCARaw": b64file(c + "/ca.pem"), "insecureSkipVerify": True}
    web, ws = Web(lambda r: (200, {}, b'{"n":1}'), tls_context(w)), WsServer(tls_context(w))
    try:
        for extra in (files, raw):
            name, out = one(w, "httppull", "/s", dict({"url": "https://127.0.0.1:%d" % web.port, "interval": 50}, **extra))
            out.has(1)
            before = len(web.at("/r"))
            sink = to(w, {"rest": dict({"url": "https://127.0.0.1:%d/r" % web.port, "method": "post"}, **extra)}, [{"n": 1}])
            wait("the request", 10, lambda: len(web.at("/r")) > before)
            n = len(ws.ends)
            source, out = one(w, "websocket", "/s", dict({"addr": "127.0.0.1:%d" % ws.port, "scheme": "wss"}, **extra))
            wait("the source", 10, lambda: len(ws.ends) > n)
            up(w, source)
            ws.ends[n].send('{"n":5}')
            out.has(5)
            back = to(w, {"websocket": dict({"addr": "127.0.0.1:%d" % ws.port, "scheme": "wss", "datasource": "/t", "sendSingle": True}, **extra)}, [{"n": 6}])
            wait("the frame", 10, lambda: b'{"n":6}' in ws.got())
            d.drop(name, sink, source, back)
        name, _ = one(w, "httppull", "/s", {"url": "https://127.0.0.1:%d" % web.port, "interval": 50})
        message(w, name, "certificate")
        d.drop(name)
    finally:
        web.close()
        ws.close()


def test_rest_properties(w):
    d, base = w.d, "http://127.0.0.1:%d" % w.web.port

    def sent(props, row={"n": 1}, sql="SELECT * FROM %s"):
        path = "/rp/" + d.fresh("x")
        name = to(w, {"rest": dict({"url": base + path, "sendSingle": True}, **props)}, [row], sql)
        wait(lambda: "the request: %s" % d.status(name), 10, lambda: w.web.at(path))
        r = w.web.at(path)[0]
        d.drop(name)
        return r

    r = sent({})
    assert (r["method"], r["body"]) == ("GET", b"")
    r = sent({"method": "PUT", "headers": {"X-A": "b", "Content-Type": "application/senml+json"}})
    assert (r["method"], r["body"], r["headers"]["x-a"], r["headers"]["content-type"]) == ("PUT", b'{"n":1}', "b", "application/senml+json")
    for body, ctype in (("json", "application/json"), ("text", "text/plain"), ("html", "text/html"), ("xml", "application/xml"), ("javascript", "application/javascript")):
        r = sent({"method": "post", "bodyType": body})
        assert r["headers"]["content-type"] == ctype and r["body"] == b'{"n":1}'
    r = sent({"method": "post", "bodyType": "form", "format": "urlencoded"}, {"a": "x y", "b": 2})
    assert r["headers"]["content-type"] == "application/x-www-form-urlencoded;param=value" and r["body"] == b"a=x+y&b=2"
    r = sent({"method": "post", "bodyType": "formdata", "formData": {"site": "a"}, "fileFieldName": "up"})
    assert r["headers"]["content-type"].startswith("multipart/form-data") and b'name="up"' in r["body"] and b'{"n":1}' in r["body"] and b'name="site"' in r["body"], r
    r = sent({"method": "delete", "bodyType": "none"})
    assert (r["method"], r["body"]) == ("DELETE", b"")
    for z, unpack in (("gzip", gzip.decompress),):
        r = sent({"method": "post", "compression": z})
        assert r["headers"]["content-encoding"] == z and unpack(r["body"]) == b'{"n":1}'
    r = sent({"method": "post", "compression": "zstd"})
    assert r["headers"]["content-encoding"] == "zstd" and r["body"][:4] == b"\x28\xb5\x2f\xfd"
    r = sent({"method": "post", "bodyType": "text", "format": "delimited", "delimiter": ";", "fields": ["b", "a"]}, {"a": 1, "b": 2})
    assert r["body"] == b"2;1"
    # retries: a status is final, a connection that breaks is not
    w.pages["/rp/500"] = lambda r: (500, {}, b"")
    name = to(w, {"rest": {"url": base + "/rp/500", "method": "post", "timeout": 1000, "enableCache": True, "resendInterval": 10}}, [{"n": 1}])
    message(w, name, "response code error: 500")
    assert len(w.web.at("/rp/500")) == 1
    d.drop(name)
    w.pages["/rp/late"] = lambda r: (time.sleep(0.5 if len(w.web.at("/rp/late")) < 2 else 0), (200, {}, b""))[1]
    name = to(w, {"rest": {"url": base + "/rp/late", "method": "post", "timeout": 100, "enableCache": True, "resendInterval": 10}}, [{"n": 1}])
    wait(lambda: "a second try: %s" % d.status(name), 10, lambda: d.status(name)["sink_rest_0_0_records_out_total"] == 1)
    assert len(w.web.at("/rp/late")) >= 2
    d.drop(name)
    # debugResp and responseType body
    w.pages["/rp/body"] = lambda r: (200, {}, b'{"code":404,"why":"kit-says-no"}')
    name = to(w, {"rest": {"url": base + "/rp/body", "method": "post", "debugResp": True, "responseType": "body"}}, [{"n": 1}])
    wait("the answer in the log", 10, lambda: "kit-says-no" in d.log_all())
    d.drop(name)
    # a token
    w.pages["/rp/token"] = lambda r: (200, {}, b'{"tok":"abc"}')
    r = sent({"method": "post", "oauth": {"access": {"url": base + "/rp/token", "body": "", "expire": "3600"}}})
    assert w.web.at("/rp/token")


def test_file_source_properties(w):
    d = w.d
    t = tempfile.mkdtemp(prefix="sluice-kit.")
    try:
        def put(name, data):
            with open(t + "/" + name, "wb") as f:
                f.write(data if isinstance(data, bytes) else data.encode())
        put("a.csv", "# one\n\nid;name\n1;\"x;y\"\n2;z\nend\n")
        name, out = one(w, "file", "a.csv", {"path": t, "fileType": "csv", "hasHeader": True, "ignoreStartLines": 2, "ignoreEndLines": 1}, DELIMITER=";",
                        sql="SELECT *, meta(file) AS f FROM %s")
        out.wait(lambda rows: len(rows) == 2)
        assert out.rows() == [{"id": "1", "name": "x;y", "f": t + "/a.csv"}, {"id": "2", "name": "z", "f": t + "/a.csv"}], out.rows()
        USED.add(("file", "source", "delimiter"))
        wait("the end of the file ends the rule", 10, lambda: "stopped" in d.status(name)["status"])
        d.drop(name)
        put("b.csv", "1,2\n3,4\n")
        name, out = one(w, "file", "b.csv", {"path": t, "fileType": "csv", "columns": ["p", "q"], "sendInterval": 20})
        out.wait(lambda rows: rows == [{"p": "1", "q": "2"}, {"p": "3", "q": "4"}])
        d.drop(name)
        put("c.json", '[{"n":1},{"n":2}]')
        name, out = one(w, "file", "c.json", {"path": t, "interval": 40})
        out.wait(lambda rows: len(rows) >= 6)  # read again and again
        d.drop(name)
        for z, data in (("gzip", gzip.compress(b'{"n":3}')), ("zlib", zlib.compress(b'{"n":3}')), ("flate", zlib.compress(b'{"n":3}')[2:-4])):
            put("d.z", data)
            name, out = one(w, "file", "d.z", {"path": t, "fileType": "json", "decompression": z})
            out.has(3)
            d.drop(name)
        os.mkdir(t + "/in")
        put("in/1", '{"n":10}')
        name, out = one(w, "file", "in", {"path": t, "actionAfterRead": 2, "moveTo": t + "/done"})
        out.has(10)
        put("in/2", '{"n":11}')
        out.has(11)
        wait("moved", 10, lambda: sorted(os.listdir(t + "/done")) == ["1", "2"] and not os.listdir(t + "/in"))
        d.drop(name)
    finally:
        shutil.rmtree(t)


def test_file_sink_properties(w):
    d = w.d
    t = tempfile.mkdtemp(prefix="sluice-kit.")
    names = lambda: sorted(os.listdir(t))
    try:
        def written(action, rows, sql="SELECT * FROM %s", stop=True):
            name = to(w, {"file": action}, rows, sql)
            wait(lambda: d.status(name), 10, lambda: d.status(name)["sink_file_0_0_records_out_total"] == len(rows))
            if stop:
                d.ask("POST", "/rules/%s/stop" % name)
                d.drop(name)
            return name
        rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
        written({"path": t + "/l", "sendSingle": True, "fileType": "lines"}, rows)
        wait(lambda: lines(t + "/l"), 5, lambda: lines(t + "/l") == '{"a":1,"b":"x"}\n{"a":2,"b":"y"}')
        written({"path": t + "/j", "sendSingle": True, "fileType": "json"}, rows)
        wait(lambda: lines(t + "/j"), 5, lambda: lines(t + "/j") == '[{"a":1,"b":"x"},{"a":2,"b":"y"}]')
        written({"path": t + "/c", "sendSingle": True, "fileType": "csv", "format": "delimited", "hasHeader": True, "delimiter": ";", "fields": ["b", "a"]}, rows)
        wait(lambda: lines(t + "/c"), 5, lambda: lines(t + "/c") == "b;a\nx;1\ny;2")
        written({"path": t + "/h", "sendSingle": True, "fileType": "csv", "format": "delimited", "hasHeader": True}, rows)
        wait(lambda: lines(t + "/h"), 5, lambda: lines(t + "/h") == "a,b\n1,x\n2,y")
        written({"path": t + "/z", "sendSingle": True, "compression": "gzip"}, rows)
        wait("gzip", 5, lambda: gzip.open(t + "/z").read() == b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}')
        written({"path": t + "/zs", "sendSingle": True, "compression": "zstd", "fileType": "json"}, rows)
        name, out = one(w, "file", "zs", {"path": t, "decompression": "zstd"})
        out.wait(lambda got: got == rows)
        d.drop(name)
        written({"path": t + "/aes", "sendSingle": True, "encryption": "aes", "compression": "gzip"}, rows)
        wait("aes", 5, lambda: gzip.decompress(opened(open(t + "/aes", "rb").read())) == b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}')
        for f in names():
            os.remove(t + "/" + f)
        written({"path": t + "/r.txt", "sendSingle": True, "rollingCount": 2, "rollingNamePattern": "prefix"}, [{"a": i} for i in range(5)])
        wait(names, 5, lambda: len(names()) == 3 and all(n.endswith("-r.txt") and n.split("-")[0].isdigit() for n in names()))
        for f in names():
            os.remove(t + "/" + f)
        written({"path": t + "/s.txt", "sendSingle": True, "rollingCount": 0, "rollingSize": 20, "rollingNamePattern": "suffix", "interval": 100}, [{"a": 1000 + i} for i in range(6)])
        wait(names, 5, lambda: len(names()) == 3 and all(n.startswith("s-") and n.endswith(".txt") for n in names()))
        for f in names():
            os.remove(t + "/" + f)
        name = written({"path": t + "/age.txt", "sendSingle": True, "rollingInterval": 50, "checkInterval": 20, "rollingCount": 0, "rollingNamePattern": "suffix"}, [{"a": 1}], stop=False)
        for i in range(2):
            time.sleep(0.15)
            d.feed("/to/" + name, {"a": 2 + i})
        wait(names, 5, lambda: len(names()) == 3)
        d.drop(name)
    finally:
        shutil.rmtree(t)


def test_memory_simulator_log_properties(w):
    d = w.d
    name, out = one(w, "memory", "mem/#", {"bufferLength": 10}, sql="SELECT *, meta(topic) AS t FROM %s")
    sink = to(w, {"memory": {"topic": "mem/a/b", "rowkindField": "", "keyField": ""}}, [{"n": 1}, [{"n": 2}, {"n": 3}]])
    out.has(1, 2, 3)
    assert {r["t"] for r in out.rows()} == {"mem/a/b"}
    d.drop(name, sink)
    name, out = one(w, "simulator", "", {"data": [{"n": 1}, {"n": 2}], "interval": 10, "loop": False, "useInt64ForWholeNumber": True})
    out.wait(lambda rows: rows == [{"n": 1}, {"n": 2}])
    wait("its end", 10, lambda: "stopped" in d.status(name)["status"])
    d.drop(name)
    name = to(w, {"nop": {"log": True}}, [{"n": 77123}])
    wait("the log", 10, lambda: "77123" in d.log_all())
    d.drop(name)


def test_websocket_properties(w):
    ws = WsServer()
    try:
        name, out = one(w, "websocket", "/from?who=kit", {"addr": "127.0.0.1:%d" % ws.port, "scheme": "ws", "requestHeader": {"X-Kit": ["a", "b"]}})
        up(w, name)
        wait("the handshake", 10, lambda: ws.ends)
        assert ws.heads[0].split("\r\n")[0] == "GET /from?who=kit HTTP/1.1" and ws.heads[0].count("X-Kit: ") == 2
        ws.ends[0].send(b'{"n":1}', text=False)  # binary frames are ignored
        ws.ends[0].send('{"n":2}')
        out.has(2)
        assert [r["n"] for r in out.rows()] == [2]
        sink = to(w, {"websocket": {"addr": "127.0.0.1:%d" % ws.port, "path": "/to", "requestHeader": {"X-Kit": ["c"]}, "sendSingle": True}}, [{"n": 3}])
        wait("the frame", 10, lambda: b'{"n":3}' in ws.got())
        w.d.drop(name, sink)
        # settings of a named connection, which cannot go while somebody uses it
        w.d.ask("POST", "/connections", {"id": "hall", "typ": "websocket", "props": {"addr": "127.0.0.1:%d" % ws.port}})
        n = len(ws.ends)
        name, out = one(w, "websocket", "/named", {"connectionSelector": "hall"})
        wait("the handshake", 10, lambda: len(ws.ends) > n)
        sink = to(w, {"websocket": {"connectionSelector": "hall", "path": "/named", "sendSingle": True}}, [{"n": 33}])
        wait("the frame", 10, lambda: b'{"n":33}' in ws.got())
        s, text = w.d.call("DELETE", "/connections/hall")
        assert s == 400 and "rule references" in text
        w.d.drop(name, sink)
        w.d.ask("DELETE", "/connections/hall")
        name, out = one(w, "websocket", "/named", {"connectionSelector": "nosuch"}, running=False)
        message(w, name, "connection nosuch not existed")
        w.d.drop(name)
        # one endpoint for both directions
        name, out = one(w, "websocket", "/both", {"path": "/both"})
        up(w, name)
        sink = to(w, {"websocket": {"datasource": "/both", "sendSingle": True, "scheme": "ws"}})
        up(w, sink, "sink")
        a, b = ws_dial(w.d.push, "/both"), ws_dial(w.d.push, "/both")
        a.send('{"n":4}')
        out.has(4)
        w.d.feed("/to/" + sink, {"n": 5})
        wait("both peers", 10, lambda: b'{"n":5}' in a.got and b'{"n":5}' in b.got)
        sse = to(w, {"sse": {"datasource": "/sse/kit", "endpoint": "/sse/kit", "alsoWebsocket": True, "sendSingle": True}})
        up(w, sse, "sink")
        c = ws_dial(w.d.push, "/sse/kit")
        w.d.feed("/to/" + sse, {"n": 6})
        wait("the frame beside the event stream", 10, lambda: b'{"n":6}' in c.got)
        w.d.drop(name, sink, sse)
        wait("the peers' end", 10, lambda: a.closed and b.closed)
    finally:
        ws.close()


def test_encryption_of_payloads(w):
    d, base = w.d, "http://127.0.0.1:%d" % w.web.port

    def body(**props):
        path = "/aes/" + d.fresh("x")
        name = to(w, {"rest": dict({"url": base + path, "method": "post", "bodyType": "text", "sendSingle": True, "encryption": "aes"}, **props)}, [{"n": 1}])
        wait(lambda: d.status(name), 10, lambda: w.web.at(path))
        d.drop(name)
        return w.web.at(path)[0]["body"]
    b = body(encProps={"mode": "cfb"})
    assert opened(b) == b'{"n":1}'
    iv = base64.b64encode(bytes(16)).decode()
    assert body(encProps={"mode": "cfb", "iv": iv})[:16] == bytes(16)
    assert gzip.decompress(opened(body(encProps={"mode": "cfb"}, compression="gzip"))) == b'{"n":1}'
    nonce = base64.b64encode(bytes(12)).decode()
    one, two = body(encProps={"iv": nonce}), body(encProps={"iv": nonce})  # gcm: nonce, text, tag
    assert one == two and one[:12] == bytes(12) and len(one) == 12 + 7 + 16
    assert one.hex()[24:] == "759edbfc8f1dfece4a58a19676b8eb865abdfb11bdc5a2", one.hex()  # of another implementation
    assert body() != body() and len(body()) == 35
    aad = body(encProps={"iv": nonce, "aad": base64.b64encode(b"head").decode(), "tagsize": 20})
    assert len(aad) == 20 + 7 and aad[16:20] == bytes(4) and aad[20:] == one[12:19] and aad[:16].hex() == "2a9ef3cebd1e5256aae67e8d292bf4f0"
    for props, why in (({"encryption": "des"}, "get encryptor des fail with error: encryptor 'des' is not supported"), ({"encryption": "aes", "encProps": {"mode": "ecb"}}, "unsupported mode: ecb"),
                       ({"encryption": "aes", "encProps": {"iv": "xx"}}, "iv"), ({"encryption": "default"}, "default")):
        s, text = try_sink(w, "mqtt", dict({"server": "tcp://h:1", "topic": "a"}, **props))
        assert s == 400 and why in text, (s, text)


def test_templated_properties(w):
    """Properties that are rendered for each message."""
    d, url, base = w.d, w.broker.url, "http://127.0.0.1:%d" % w.web.port
    rows = [{"n": 1, "site": "a"}, {"n": 2, "site": "b"}]
    name, out = one(w, "mqtt", "tpl/+", {"server": url, "protocolVersion": "5"}, sql="SELECT n, meta(topic) AS t, meta(properties) AS p FROM %s")
    up(w, name)
    sink = to(w, {"mqtt": {"server": url, "protocolVersion": "5", "topic": "tpl/{{.site}}", "properties": {"s": "{{.site}}-{{.n}}", "fixed": "x"}, "sendSingle": True}}, rows)
    out.has(1, 2)
    assert sorted((r["t"], r["p"]["s"], r["p"]["fixed"]) for r in out.rows()) == [("tpl/a", "a-1", "x"), ("tpl/b", "b-2", "x")], out.rows()
    d.drop(name, sink)
    sink = to(w, {"rest": {"url": base + "/tpl/{{.site}}?q={{.n}}", "method": "post", "headers": {"X-Site": "{{.site}}", "X-Fixed": "f"}, "sendSingle": True}}, rows)
    wait(lambda: d.status(sink), 10, lambda: w.web.at("/tpl/a") and w.web.at("/tpl/b"))
    r = w.web.at("/tpl/b")[0]
    assert (r["path"], r["headers"]["x-site"], r["headers"]["x-fixed"], r["body"]) == ("/tpl/b?q=2", "b", "f", b'{"n":2,"site":"b"}'), r
    d.drop(sink)
    sink = to(w, {"rest": {"url": base + "/tplz", "method": "post", "headers": {"X-Site": "{{.site}}"}, "compression": "gzip", "dataTemplate": "{{.site}}{{.n}}", "bodyType": "text", "sendSingle": True}}, rows)
    wait(lambda: d.status(sink), 10, lambda: len(w.web.at("/tplz")) == 2)
    assert [(r["headers"]["x-site"], gzip.decompress(r["body"])) for r in w.web.at("/tplz")] == [("a", b"a1"), ("b", b"b2")]
    d.drop(sink)
    sink = to(w, {"rest": {"url": base + "/tplbatch", "method": "post", "headers": {"X-Site": "{{.site}}"}, "compression": "gzip", "batchSize": 2, "sendSingle": True}}, rows)
    wait(lambda: d.status(sink), 10, lambda: w.web.at("/tplbatch"))
    r = w.web.at("/tplbatch")[0]
    assert (r["headers"]["x-site"], json.loads(gzip.decompress(r["body"]))) == ("b", rows), r
    d.drop(sink)
    sink = to(w, {"rest": {"url": base + "/tplform", "method": "post", "bodyType": "formdata", "fileFieldName": "f", "formData": {"site": "{{.site}}"}, "dataTemplate": "<{{.n}}>", "sendSingle": True}}, rows)
    wait(lambda: d.status(sink), 10, lambda: len(w.web.at("/tplform")) == 2)
    assert b"<2>" in w.web.at("/tplform")[1]["body"] and b"\r\n\r\nb\r\n" in w.web.at("/tplform")[1]["body"]
    d.drop(sink)
    w.pages["/tpl/token"] = lambda r: (200, {}, b'{"tok":"abc"}')
    sink = to(w, {"rest": {"url": base + "/tplauth", "method": "post", "headers": {"Authorization": "Bearer {{.tok}}"}, "oauth": {"access": {"url": base + "/tpl/token", "body": "", "expire": "3600"}}, "sendSingle": True}}, rows[:1])
    wait(lambda: d.status(sink), 10, lambda: w.web.at("/tplauth"))
    assert w.web.at("/tplauth")[0]["headers"]["authorization"] == "Bearer abc", w.web.at("/tplauth")[0]["headers"]
    d.drop(sink)
    t = tempfile.mkdtemp(prefix="sluice-kit.")
    sink = to(w, {"file": {"path": t + "/{{.site}}.txt", "sendSingle": True}}, rows)
    d.ask("POST", "/rules/%s/stop" % sink)
    wait(lambda: os.listdir(t), 10, lambda: sorted(os.listdir(t)) == ["a.txt", "b.txt"] and open(t + "/b.txt").read() == '{"n":2,"site":"b"}')
    d.drop(sink)
    shutil.rmtree(t)
    name, out = one(w, "memory", "mtpl/#", {})
    sink = to(w, {"memory": {"topic": "mtpl/{{.site}}", "sendSingle": True}}, rows)
    out.has(1, 2)
    d.drop(name, sink)
    for action, why in (({"mqtt": {"server": url, "topic": "a/{{nofn .n}}"}}, "nofn"), ({"rest": {"url": base + "/{{nofn .n}}", "method": "post"}}, "nofn")):
        s, text = try_sink(w, *list(action.items())[0])
        assert s == 400 and why in text, (s, text)


def test_every_property_was_used(w):
    """Must come last. A property that nobody gives to a connector here is one that nobody knows to work."""
    missing = []
    for (type_, side), rows in tables().items():
        if side == "lookup table" or type_ == "every":
            continue
        for name, (kind, _) in rows.items():
            if kind != "refused" and (type_, side, name.lower()) not in USED:
                missing.append("%s %s %s" % (type_, side, name))
    assert not missing, missing
