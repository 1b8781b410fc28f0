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
        assert (r.status, body) == (400, '{"error":1000,"message":"unknown field temprature"}\n'), body
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
        assert client("create", "rule", "r", '{"sql": "SELECT 1 FROM demo",\n "actions": [{"log": {}}],}') == (1, "", """\
sluice: invalid character '}' looking for beginning of object key string
  line 2, column 27
     "actions": [{"log": {}}],}
                              ^
  there is a comma too many before this
""")
        # accepted, and hardly meant: the client says so behind the success
        rule["sql"] = "SELECT device FROM demo\nWHERE temperature > \"30\""
        note = """\
note: line 2, column 7: temperature is a number and "30" is a text: every row that has both fails
    WHERE temperature > "30"
          ^~~~~~~~~~~~~~~~~~
"""
        code, said, notes = client("validate", "rule", "r", json.dumps(rule))
        assert code == 0 and "correct" in said and notes == note, notes
        code, said, notes = client("create", "rule", "r", json.dumps(rule))
        assert code == 0 and "was created" in said and notes == note, notes
        assert "every row that has both fails" in client("explain", rule["sql"])[1]
        # what a crash costs is said as it is: with a rate limit nothing is kept in a journal
        assert post(d.port, "/streams", {"sql": 'CREATE STREAM whole () WITH (DATASOURCE="a/b", FORMAT="json")'})[0].status == 201
        c = http.client.HTTPConnection("127.0.0.1", d.port, timeout=10)
        c.request("PUT", "/metadata/sources/mqtt/confKeys/slow", '{"interval": 100}')
        assert c.getresponse().status == 200
        assert post(d.port, "/streams", {"sql": 'CREATE STREAM thinned () WITH (DATASOURCE="a/b", FORMAT="json", CONF_KEY="slow")'})[0].status == 201
        for stream, says in (("whole", "kept in a journal"), ("thinned", "what came since the last checkpoint is missing")):
            body = post(d.port, "/rules/explain", {"id": "x", "sql": "SELECT count(*) FROM %s GROUP BY TUMBLINGWINDOW(ss, 1)" % stream, "actions": [{"nop": {}}], "options": {"qos": 1}})[1]
            assert says in body, body
        assert client("describe", "stream", "dmeo")[2] == """\
sluice: Describe stream fails, dmeo is not found.
  line 1, column 17
    describe stream dmeo
                    ^~~~
  did you mean "demo"?
"""
        assert "demo is of the other kind" in client("describe", "table", "demo")[2]
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


def test_explain():
    d = Daemon().start()
    try:
        for sql in ('CREATE STREAM demo (temperature FLOAT, device STRING, o STRUCT(x BIGINT, y STRING)) WITH (DATASOURCE="devices/+", TYPE="mqtt", SHARED="true")',
                    'CREATE STREAM press (device STRING, pressure FLOAT) WITH (DATASOURCE="press", TYPE="memory")',
                    'CREATE TABLE rooms (id STRING, name STRING) WITH (DATASOURCE="rooms", TYPE="memory", KIND="lookup", KEY="id")'):
            assert post(d.port, "/streams", {"sql": sql})[0].status == 201

        def client(*args, code=0):
            p = subprocess.run([BUILD + "/sluice", "--url", "http://127.0.0.1:%d" % d.port, *args], capture_output=True, text=True, timeout=30)
            assert p.returncode == code, (args, p.stdout, p.stderr)
            return p.stdout if code == 0 else p.stderr
        assert client("explain", "SELECT temperature, o->x AS x FROM demo WHERE temperature > 2 * 3 AND device = 'a'") == """\
to  nop
└─ select  temperature, o->x AS x
   └─ filter  temperature > 2 * 3 AND device = 'a'
      │    2 conditions, each asked of the rows that passed those before it
      └─ source  demo
              mqtt devices/+, json; shared: one reader for all rules
              decodes o, temperature, device
              of o only struct(x bigint)
              rows that fail by device are left before they are decoded to the end or shown to the rule

columns  temperature, x
state    none
computed now  2 * 3 = 6
"""
        sql = """SELECT demo.device, name, count(*) AS n FROM demo INNER JOIN press ON demo.device = press.device AND pressure > 3
            LEFT JOIN rooms ON demo.device = rooms.id WHERE temperature > 10 GROUP BY demo.device, name, TUMBLINGWINDOW(ss, 10) HAVING count(*) > 1"""
        assert post(d.port, "/rules", {"id": "r", "sql": sql, "actions": [{"log": {}}, {"nop": {}}], "triggered": False, "options": {"qos": 1, "checkpointInterval": 60000}})[0].status == 201
        plan = json.loads(client("explain", "rule", "r", "--json"))
        assert (plan["rule"], plan["qos"], plan["checkpointInterval"], plan["columns"]) == ("r", 1, 60000, ["device", "name", "n"]), plan
        assert plan["state"] == ["rows of the open windows"] and plan["kept"].startswith("qos 1: it is saved every 1 min"), plan
        ops, node = [], plan["plan"]
        while node:
            ops.append((node["op"], node["text"]))
            last, node = node, node.get("inputs", [None])[-1]
        assert [o for o, _ in ops] == ["to", "select", "having", "group", "filter", "lookup", "join", "window", "source"], ops
        assert ops[0][1] == "log, nop" and ops[3][1] == "demo.device, name" and ops[6][1] == "inner press ON demo.device = press.device AND pressure > 3", ops
        assert last["stream"] == "press" and last["columns"] and not last["shared"], last
        text = client("explain", "rule", "r")
        for part in ("hash", "demo.device = press.device", "the rule has qos 1", "lookup by key: id", "rows kept"):
            assert part in text, (part, text)
        # upstream's text is what its clients get
        r = d.ask("GET", "/rules/r/explain")
        assert (r if isinstance(r, str) else r[1]).startswith('{"op":"ProjectPlan_0"'), r
        r, body = post(d.port, "/rules/explain?format=nonsense", {"sql": sql})
        assert r.status == 400 and "expected text, tree or json" in body, body
        r, body = post(d.port, "/rules/explain?format=json", {"sql": "SELECT lag(pressure) FROM press", "options": {"qos": 2}})
        assert json.loads(body)["state"] == ["memory of lag(pressure)"] and json.loads(body)["qos"] == 2, body
        assert post(d.port, "/rules/explain", {"select": 1})[0].status == 400 and post(d.port, "/rules/explain", [])[0].status == 400
        assert "did you mean" in client("explain", "SELECT presure FROM press", code=1)
    finally:
        d.close()
