"""A folder of eKuiper works as it is: its kuiper.yaml, conf files, connections, descriptors, variables; its database is not touched."""
import hashlib, json, os, re, shutil, sqlite3, subprocess, tempfile
from kit import BUILD, Broker, Mqtt, free_port, listens, wait
import http.client

KUIPER_YAML = """\
basic:
  # debug | info | warn | error | fatal | panic
  logLevel: info
  debug: false
  consoleLog: false
  fileLog: true
  logDisableTimestamp: false
  syslog:
    enable: false
    network: udp
    address: localhost:514
    level: info
    tag: kuiper
  rotateTime: 24
  maxAge: 72
  rotateSize: 10485760 # 10 MB
  rotateCount: 3
  ip: 0.0.0.0
  port: 20498
  restIp: 0.0.0.0
  restPort: 9081
  timezone: Asia/Tokyo
  authentication: false
  #  restTls:
  #    certfile: /var/https-server.crt
  prometheus: false
  prometheusPort: 20499
  pprof: true
  pprofIp: 127.0.0.1
  pprofPort: 6060
  pluginHosts: https://packages.example
  ignoreCase: false
  sql:
    maxConnections: 0
  rulePatrolInterval: 10s
  enableOpenZiti: false
  aesKey: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3
  gracefulShutdownTimeout: 10s
  connection:
    backoffMaxElapsedDuration: 3m
  ResourceProfileConfig:
    enable: false
    interval: 5s
  metricsDumpConfig:
    enable: false
    retainedDuration: 6h
  enableRestAuditLog: false
rule:
  qos: 0
  checkpointInterval: 300s
  sendError: false
sink:
  enableCache: false
  memoryCacheThreshold: 1024
  maxDiskCache: 1024000
  bufferPageSize: 256
  resendInterval: 0s
  cleanCacheAtStop: false
source:
  ## Configurations for the global http data server
  httpServerIp: 0.0.0.0
  httpServerPort: 10081
store:
  type: sqlite
  extStateType: sqlite
  redis:
    host: localhost
    port: 6379
    password: kuiper
    timeout: 1s
  sqlite:
    name:
portable:
  pythonBin: python
  initTimeout: 60s
openTelemetry:
  serviceName: kuiperd-service
  enableRemoteCollector: false
"""
MQTT_SOURCE = """\
#Global MQTT configurations
default:
  qos: 1
  server: "tcp://127.0.0.1:1"
  #username: user1
  #certificationPath: /var/kuiper/xyz-certificate.pem
  protocolVersion: 3.1.1
  insecureSkipVerify: false

#Override the global configurations
Plant_2: #Conf_key
  qos: 0
  server: "tcp://127.0.0.1:2"
"""
CONNECTIONS = """\
mqtt:
  cloud: #connection key
    server: "tcp://127.0.0.1:3"
    username: somebody
    #password: password
edgex:
  redisMsgBus: #connection key
    protocol: redis
    server: 127.0.0.1
    port: 6379
    type: redis
"""
SIMULATOR = """\
default:
  data:
    - temperature: 22.5
      humidity: 50
  interval: 1s
  loop: true
quick:
  interval: 20
  data:
    - {a: 1}
    - {a: 2}
"""
DESCRIPTOR = {"about": {"trial": False, "author": {"name": "x"}}, "libs": [], "properties": {"default": [{"name": "server"}]}}


class Folder:
    def __init__(self, broker):
        self.home = tempfile.mkdtemp(prefix="sluice-etc.")
        self.rest, self.push, self.cli = free_port(), free_port(), free_port()
        self.write("etc/kuiper.yaml", KUIPER_YAML)
        self.write("etc/client.yaml", "basic:\n  host: 127.0.0.1\n  port: %d\n" % self.cli)
        self.write("etc/mqtt_source.yaml", MQTT_SOURCE)
        self.write("etc/connections/connection.yaml", CONNECTIONS)
        self.write("etc/sources/simulator.yaml", SIMULATOR)
        self.write("etc/sources/zmq.yaml", "default:\n  server: tcp://192.168.2.2:5563\n")  # of a plug-in that is not there
        self.write("etc/multilingual/en_US.ini", "[sink]\nnot_found_plugin=This plugin was not found:\n")
        self.write("etc/mgmt/README.md", "keys go here")
        for f in ("mqtt_source", "sources/simulator", "sources/zmq", "sinks/mqtt", "functions/internal", "ops/filter"):
            self.write("etc/%s.json" % f, json.dumps(DESCRIPTOR))
        for d in ("data/uploads", "data/services/schemas", "data/schemas/protobuf", "plugins/sources", "plugins/portable", "log"):
            os.makedirs(os.path.join(self.home, d), exist_ok=True)
        self.write("data/connections/connection.yaml", "")
        self.old = os.path.join(self.home, "data/sqliteKV.db")
        with sqlite3.connect(self.old) as db:
            db.execute("CREATE TABLE stream (key VARCHAR(255) PRIMARY KEY, val BLOB)")
        self.env = {
            "KUIPER__BASIC__RESTPORT": str(self.rest), "KUIPER__BASIC__RESTIP": "127.0.0.1", "KUIPER__BASIC__PORT": str(self.cli),
            "KUIPER__BASIC__IP": "127.0.0.1", "KUIPER__SOURCE__HTTPSERVERPORT": str(self.push), "KUIPER__SOURCE__HTTPSERVERIP": "127.0.0.1",
            "KUIPER__BASIC__CONSOLELOG": "true", "MQTT_SOURCE__PLANT_2__SERVER": broker.url, "CONNECTION__MQTT__CLOUD__SERVER": broker.url,
            "SLUICE__SOURCES__SIMULATOR__QUICK__LOOP": "false", "SL_MODULES": BUILD + "/modules"}
        self.p = None

    def write(self, path, text):
        path = os.path.join(self.home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def read(self, path):
        with open(os.path.join(self.home, path), errors="replace") as f:
            return f.read()

    def start(self):
        """As kuiperd: no arguments, in the folder."""
        self.out = open(self.home + "/out", "a")
        self.p = subprocess.Popen([BUILD + "/sluiced"], cwd=self.home, stdout=self.out, stderr=subprocess.STDOUT, env=dict(os.environ, **self.env))

        def up():
            assert self.p.poll() is None, self.read("out")
            return listens(self.rest)
        wait("REST", 20, up)
        wait("the end of the start", 20, lambda: "all rules were tried" in self.read("log/stream.log"))

    def stop(self):
        self.p.terminate()
        assert self.p.wait(20) == 0, self.read("out")

    def close(self):
        if self.p and self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=20)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None)
            r = c.getresponse()
            text = r.read().decode()
        finally:
            c.close()
        try:
            return r.status, json.loads(text)
        except ValueError:
            return r.status, text

    def ask(self, method, path, body=None):
        status, got = self.call(method, path, body)
        assert status < 300, (method, path, status, got)
        return got

    def sluice(self, *args):
        r = subprocess.run([BUILD + "/sluice", "--url", "http://127.0.0.1:%d" % self.rest, *args], capture_output=True, text=True, timeout=20)
        assert r.returncode == 0, r.stdout + r.stderr
        return r.stdout

    def origin(self, key):
        rows = {r["key"].lower(): r for r in json.loads(self.sluice("--json", "explain", "config"))}
        return rows[key.lower()]["value"], rows[key.lower()]["from"]


def test_folder():
    broker = Broker()
    f = Folder(broker)
    got = []
    try:
        before = hashlib.sha256(open(f.old, "rb").read()).hexdigest()
        f.start()
        # what start scripts wait for
        assert "Serving kuiper (version - " in f.read("out") and "restful api on http://127.0.0.1:%d" % f.rest in f.read("out")

        # the old database: left alone, and the log says what to do
        opened = [os.readlink("/proc/%d/fd/%s" % (f.p.pid, d)) for d in os.listdir("/proc/%d/fd" % f.p.pid)]
        assert not [x for x in opened if "sqliteKV" in x], opened
        log = f.read("log/stream.log")
        assert "sqliteKV.db" in log and "/data/export" in log, log
        # nothing of the file as it is shipped is worth a warning
        assert "owner=\"settings\"" not in log, log
        assert re.match(r'time="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}" level=\w+ msg="', log), log

        # who set what
        assert f.origin("basic.restPort") == (f.rest, "variable KUIPER__BASIC__RESTPORT")
        value, who = f.origin("basic.timezone")
        assert value == "Asia/Tokyo" and who.startswith("file ") and who.endswith("/etc/kuiper.yaml"), who
        assert f.origin("sources.mqtt.plant_2.server") == (broker.url, "variable MQTT_SOURCE__PLANT_2__SERVER")
        value, who = f.origin("sources.mqtt.plant_2.qos")
        assert value == 0 and who.endswith("/etc/mqtt_source.yaml"), who
        assert f.origin("sources.simulator.quick.loop") == (False, "variable SLUICE__SOURCES__SIMULATOR__QUICK__LOOP")
        assert f.ask("GET", "/metadata/sources/yaml/mqtt")["Plant_2"] == {"qos": 0, "server": broker.url}
        assert f.ask("GET", "/metadata/sources/yaml/zmq") == {"default": {"server": "tcp://192.168.2.2:5563"}}

        # connection.yaml, with a variable over it
        wait("the connection", 20, lambda: f.ask("GET", "/connections/cloud")["status"] == "connected")
        assert f.ask("GET", "/connections/redisMsgBus")["typ"] == "edgex"
        listener = Mqtt(broker, "listener", "out/#", lambda topic, payload: got.append((topic, json.loads(payload))))
        listener.wait_ready()

        # a stream by CONF_KEY (any case), one by a connection, an action by a connection, one by resourceId over REST
        f.ask("POST", "/streams", {"sql": 'CREATE STREAM plant () WITH (DATASOURCE="plant", FORMAT="json", CONF_KEY="plant_2")'})
        f.ask("PUT", "/metadata/sources/mqtt/confKeys/viacloud", {"connectionSelector": "cloud", "qos": 1})
        f.ask("POST", "/streams", {"sql": 'CREATE STREAM cloudy () WITH (DATASOURCE="cloudy", FORMAT="json", TYPE="mqtt", CONF_KEY="viacloud")'})
        f.ask("POST", "/streams", {"sql": 'CREATE STREAM sim () WITH (TYPE="simulator", CONF_KEY="quick")'})
        f.ask("PUT", "/metadata/sinks/mqtt/confKeys/results", {"server": broker.url, "topic": "out/resource", "sendSingle": True})
        f.ask("POST", "/rules", {"id": "r1", "sql": "SELECT * FROM plant", "actions": [{"mqtt": {"connectionSelector": "cloud", "topic": "out/plant", "sendSingle": True}}]})
        f.ask("POST", "/rules", {"id": "r2", "sql": "SELECT * FROM cloudy", "actions": [{"mqtt": {"resourceId": "results", "qos": 1}}]})
        f.ask("POST", "/rules", {"id": "r3", "sql": "SELECT a FROM sim", "actions": [{"mqtt": {"resourceId": "results", "topic": "out/sim"}}]})

        def linked(rule, node):
            return f.ask("GET", "/rules/%s/status" % rule).get(node + "_connection_status") == 1
        for rule, node in (("r1", "source_plant_0"), ("r1", "sink_mqtt_0_0"), ("r2", "source_cloudy_0"), ("r2", "sink_mqtt_0_0")):
            wait("%s of %s" % (node, rule), 20, lambda: linked(rule, node))
        sender = Mqtt(broker, "sender")
        sender.wait_ready()
        sender.publish("plant", b'{"x":1}')
        sender.publish("cloudy", b'{"y":2}')
        want = [("out/plant", {"x": 1}), ("out/resource", {"y": 2}), ("out/sim", {"a": 1}), ("out/sim", {"a": 2})]
        wait(lambda: "results, got %s" % got, 20, lambda: len(got) >= len(want))
        assert sorted(got, key=str) == sorted(want, key=str)

        # named ones, and with forceAll those of single nodes
        assert {c["id"]: (c["isNamed"], c["status"], c.get("refCount")) for c in f.ask("GET", "/connections?forceAll=true")} == {
            "cloud": (True, "connected", 2), "redisMsgBus": (True, "connecting", None), "r1-plant-plant-mqtt-source": (False, "connected", 1),
            "r2-mqtt_0-out/resource-mqtt-sink": (False, "connected", 1)}  # r3 has come to its end

        # who set what of one stream, of one action
        rows = {r["key"]: (r["value"], r["from"]) for r in json.loads(f.sluice("--json", "explain", "stream", "plant"))}
        assert rows["server"] == (broker.url, "CONF_KEY plant_2: variable MQTT_SOURCE__PLANT_2__SERVER"), rows
        assert rows["protocolVersion"][1].startswith("section default: file ") and rows["datasource"] == ("plant", "WITH of the stream"), rows
        assert rows["enableClientSession"] == ("false", "default"), rows
        rows = {r["key"]: (r["value"], r["from"]) for r in json.loads(f.sluice("--json", "explain", "stream", "cloudy"))}
        assert rows["username"] == ("somebody", "connection cloud") and rows["qos"] == (1, "CONF_KEY viacloud: conf key set over REST"), rows
        rows = {r["key"]: (r["value"], r["from"]) for r in json.loads(f.sluice("--json", "explain", "actions", "r3"))}
        assert rows["actions.0.mqtt.topic"] == ("out/sim", "action") and rows["actions.0.mqtt.server"][1] == "resourceId results: conf key set over REST", rows

        # in use: not to be removed
        status, text = f.call("DELETE", "/connections/cloud")
        assert status == 400 and "connection cloud can't be dropped due to rule references" in text["message"], text

        # the client of old finds the daemon by etc/client.yaml and says what it always said
        os.symlink(BUILD + "/sluice", f.home + "/kuiper")
        r = subprocess.run(["./kuiper", "show", "streams"], cwd=f.home, capture_output=True, text=True, timeout=20)
        assert r.returncode == 0 and r.stdout.startswith("Connecting to 127.0.0.1:%d... \n" % f.cli), r.stdout
        assert "plant" in r.stdout.split(), r.stdout

        # everything is there again after a restart; a connection that was removed stays away
        for rule in ("r1", "r2", "r3"):
            f.ask("DELETE", "/rules/" + rule)
        f.ask("DELETE", "/connections/redisMsgBus")
        f.stop()
        f.start()
        assert [c["id"] for c in f.ask("GET", "/connections")] == ["cloud"]
        assert f.ask("GET", "/metadata/sinks/yaml/mqtt")["results"]["topic"] == "out/resource"
        f.stop()
        assert hashlib.sha256(open(f.old, "rb").read()).hexdigest() == before
        assert sorted(x for x in os.listdir(f.home + "/data") if "sqliteKV" in x) == ["sqliteKV.db"]
        listener.close(), sender.close()
    finally:
        f.close()
        broker.close()


def test_started_in_bin():
    """Scripts that start the daemon from bin/ find the folder above, as kuiperd does; KuiperBaseKey names it from anywhere."""
    for where, extra in (("bin", {}), ("/", {"KuiperBaseKey": True})):
        home, port = tempfile.mkdtemp(prefix="sluice-etc."), free_port()
        os.makedirs(home + "/bin")
        os.makedirs(home + "/etc")
        with open(home + "/etc/kuiper.yaml", "w") as y:
            y.write("basic:\n  restIp: 127.0.0.1\n  restPort: %d\n  ip: 127.0.0.1\n  port: %d\nsource:\n  httpServerIp: 127.0.0.1\n  httpServerPort: %d\n" % (port, free_port(), free_port()))
        env = dict(os.environ, **{k: home for k in extra})
        p = subprocess.Popen([BUILD + "/sluiced"], cwd=os.path.join(home, where), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
        try:
            def up():
                assert p.poll() is None, p.stderr.read()
                return listens(port)
            wait("REST", 20, up)
            assert os.path.exists(home + "/data/sluice.db")
            p.terminate()
            assert p.wait(20) == 0
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
            shutil.rmtree(home, ignore_errors=True)


def test_broken_file():
    """A file that is not YAML is named with its line, and nothing starts."""
    home = tempfile.mkdtemp(prefix="sluice-etc.")
    try:
        os.makedirs(home + "/etc")
        with open(home + "/etc/kuiper.yaml", "w") as y:
            y.write("basic:\n  restPort: 9081\n bad: [\n")
        r = subprocess.run([BUILD + "/sluiced"], cwd=home, capture_output=True, text=True, timeout=20)
        assert r.returncode == 1 and "etc/kuiper.yaml:3" in r.stderr, r.stderr
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_import_that_restarts():
    """A full import with stop=1 ends the daemon with the code that its supervisor waits for; the definitions are there in the next life."""
    broker = Broker()
    f = Folder(broker)
    try:
        f.start()
        doc = {"streams": {"s": 'CREATE STREAM s () WITH (TYPE="simulator")'}, "rules": {"r": json.dumps({"id": "r", "sql": "SELECT * FROM s", "actions": [{"nop": {}}]})},
               "connectionConfig": {"mqtt": json.dumps({"c2": {"server": broker.url}})}}
        f.ask("POST", "/data/import?stop=1", {"content": json.dumps(doc)})
        assert f.p.wait(20) == 100
        f.start()
        assert f.ask("GET", "/streams") == ["s"]
        assert f.ask("GET", "/rules/r/status")["status"] in ("running", "starting")
        wait("the connection", 20, lambda: f.ask("GET", "/connections/c2")["status"] == "connected")
        f.stop()
    finally:
        f.close()
        broker.close()


def test_settings_that_do_nothing():
    """A misspelt key and one that is not offered are told at the start."""
    broker = Broker()
    f = Folder(broker)
    f.env["KUIPER__BASIC__TIMZONE"] = "UTC"
    f.env["KUIPER__STORE__TYPE"] = "redis"
    try:
        f.start()
        log = f.read("log/stream.log")
        assert "basic.timzone (variable KUIPER__BASIC__TIMZONE) is not known and does nothing" in log, log
        assert "store.type (variable KUIPER__STORE__TYPE) does nothing here" in log, log
        f.stop()
    finally:
        f.close()
        broker.close()


def test_log_files():
    """Full files give way to new ones; log/stream.log is the current one; only so many are kept, and what comes later is in the new one."""
    broker = Broker()
    f = Folder(broker)
    f.env.update({"KUIPER__BASIC__ROTATESIZE": "300", "KUIPER__BASIC__ROTATECOUNT": "2", "KUIPER__BASIC__CONSOLELOG": "false", "KUIPER__BASIC__LOGDISABLETIMESTAMP": "true"})
    f.write("log/stream.log", "of another daemon\n")
    try:
        seen = set()
        for _ in range(3):
            f.start()
            f.ask("PATCH", "/configs", {"logLevel": "info"})
            wait("the last line", 10, lambda: "all rules were tried" in f.read("log/stream.log"))
            names = sorted(x for x in os.listdir(f.home + "/log") if x.endswith(".log"))
            assert os.readlink(f.home + "/log/stream.log") in names
            assert len(names) == 3, names  # the link and two files
            seen |= set(names)
            assert f.read("log/stream.log").startswith("level=")
            f.stop()
        assert len(seen) >= 5, seen
    finally:
        f.close()
        broker.close()
