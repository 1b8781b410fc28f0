"""What a person reads when a statement is wrong: upstream's answer byte by byte, help beside it for who asks."""
import http.client, json, subprocess
from kit import BUILD, Daemon


def post(port, path, body, **headers):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    c.request("POST", path, json.dumps(body), headers)
    r = c.getresponse()
    return r, r.read().decode()


def test_help():
    d = Daemon().start()
    try:
        sql = "CREATE STREAM sizes (\n  a BIGINT,\n  b INT\n) WITH (DATASOURCE=\"x\")"
        r, body = post(d.port, "/streams", {"sql": sql})
        text = "Stream command error: found \\\"INT\\\", expect valid stream field types(BIGINT | FLOAT | STRING | DATETIME | BOOLEAN | BYTEA | ARRAY | STRUCT)."
        assert (r.status, body) == (400, '{"error":3000,"message":"' + text + '"}\n'), body
        assert r.getheader("Sluice-Help") == 'line 3, column 5: did you mean "BIGINT"?', r.getheaders()
        r, body = post(d.port, "/streams", {"sql": sql}, Accept="application/json, */*")
        body = json.loads(body)
        assert body["message"].startswith("Stream command error: found"), body
        assert body["help"] == {"line": 3, "column": 5, "reason": text[22:].replace("\\", ""), "text": "  b INT", "mark": "    ^~~", "hint": 'did you mean "BIGINT"?'}, body

        assert post(d.port, "/streams", {"sql": 'CREATE STREAM demo (temperature FLOAT, device STRING) WITH (DATASOURCE="x", TYPE="memory")'})[0].status == 201
        rule = {"id": "r", "sql": "SELECT device,\n  temprature\nFROM demo", "actions": [{"nop": {}}]}
        r, body = post(d.port, "/rules", rule)
        assert (r.status, body) == (400, '{"error":2101,"message":"unknown field temprature"}\n'), body
        assert r.getheader("Sluice-Help").startswith('line 2, column 3: did you mean "temperature"?'), r.getheaders()
        help = json.loads(post(d.port, "/rules", rule, Accept="application/json")[1])["help"]
        assert (help["line"], help["column"], help["mark"]) == (2, 3, "  ^~~~~~~~~~"), help

        rule["sql"] = "SELECT asb(temperature) FROM demo"
        r, body = post(d.port, "/rules", rule, Accept="application/json")
        body = json.loads(body)
        assert body["message"] == "invalid rule json: Parse SQL SELECT asb(temperature) FROM demo error: function asb not found.", body
        assert body["help"]["reason"] == "function asb not found" and body["help"]["hint"] == 'did you mean "abs"?', body

        rule["sql"] = "SELECT * FROM dmeo"
        r, body = post(d.port, "/rules/validate", rule)
        assert (r.status, body, r.getheader("Content-Type").split(";")[0]) == (422, "dmeo is not found", "text/plain"), (body, r.getheaders())
        r, body = post(d.port, "/rules/validate", rule, Accept="application/json")
        body = json.loads(body)
        assert r.status == 422 and body["valid"] is False and body["message"] == "dmeo is not found" and body["help"]["hint"] == 'did you mean "demo"?', body

        def client(*args, name="sluice"):
            p = subprocess.run([BUILD + "/" + name, "--url", "http://127.0.0.1:%d" % d.port, *args], capture_output=True, text=True, timeout=30)
            return p.returncode, p.stdout, p.stderr
        assert client("create", "rule", "r", json.dumps(rule)) == (1, "", """\
sluice: fail to get stream dmeo, please check if stream is created
  line 1, column 15
    SELECT * FROM dmeo
                  ^~~~
  did you mean "demo"?
""")
        assert client("create", "stream", "s (a BIGINT b STRING) WITH ()") == (1, "", """\
sluice: found "b", expect comma or rparen.
  line 1, column 27
    create stream s (a BIGINT b STRING) WITH ()
                              ^
  columns are separated by commas
""")
        for verb in (["query", "SELECT avg(temperature) FROM demo GROUP BY TUMBLINGWINDOW(ss)"],
                     ["validate", "rule", "r", json.dumps(dict(rule, sql="SELECT avg(temperature) FROM demo GROUP BY TUMBLINGWINDOW(ss)"))]):
            assert client(*verb) == (1, "", """\
sluice: The arguments for tumblingwindow should be 2.
  line 1, column 44
    SELECT avg(temperature) FROM demo GROUP BY TUMBLINGWINDOW(ss)
                                               ^~~~~~~~~~~~~~
  TUMBLINGWINDOW(unit, length), for example TUMBLINGWINDOW(ss, 10)
"""), client(*verb)
    finally:
        d.close()
