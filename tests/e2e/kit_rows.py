"""The rows of the connector kit: for each connector how to make its peer, what to write into the stream or the action, how to send or what
arrived; and the rigs that put one into a running rule."""
import http.client, json, os, re, shutil, socket, tempfile, time, base64
from kit import Broker, Mqtt, wait
from kit_conn import AES_KEY, Engine, Link, Out, Web, WsServer, certificates, ws_dial


class World:
    """What all tests share; one daemon, one broker, one web server."""

    def __init__(self):
        self.d = Engine(sets=["basic.aesKey=" + AES_KEY]).start()
        self.web = Web(self.answer)
        self.broker = Broker()
        self.mqtt = Mqtt(self.broker, "kit-pub", clean=True).wait_ready()
        self.pages = {}
        self.certs = tempfile.mkdtemp(prefix="sluice-certs.")
        os.chmod(self.certs, 0o755)
        certificates(self.certs)

    def answer(self, r):
        page = self.pages.get(r["path"].split("?")[0])
        if callable(page):
            return page(r)
        return page or (200, {}, b"")

    def out(self, name):
        return Out(self.web, name)

    def close(self):
        try:
            if self.d.p.poll() is None:
                self.d.stop()
        finally:
            self.mqtt.close()
            self.web.close()
            self.broker.close()
            self.d.close()
            shutil.rmtree(self.certs, ignore_errors=True)


# ================ the rows ================
class Row:
    """One use of a connector. link: how to reach the peer, None without one. repeats: what was sent may be lost while nobody listens."""
    link = None
    stateful = True  # tells the status of its connection

    def __init__(self, w, name):
        self.w, self.name = w, name
        self.start()

    def start(self):
        pass

    def close(self):
        if self.link:
            self.link.close()


class MqttSource(Row):
    type = "mqtt"

    def start(self):
        self.link = Link(self.w.broker.port)
        self.datasource = "kit/" + self.name
        self.props = {"server": "tcp://127.0.0.1:%d" % self.link.port, "qos": 1}

    def send(self, n):
        self.w.mqtt.publish(self.datasource, json.dumps({"n": n}).encode())


class MqttSharedSource(MqttSource):
    """Over a named connection."""

    def start(self):
        super().start()
        self.w.d.ask("POST", "/connections", {"id": self.name, "typ": "mqtt", "props": {"server": self.props["server"], "protocolVersion": "5"}})
        self.props = {"connectionSelector": self.name, "qos": 1}

    def close(self):
        super().close()
        self.w.d.ask("DELETE", "/connections/" + self.name)


class PushSource(Row):
    type = "httppush"

    def start(self):
        self.link = Link(self.w.d.push)
        self.datasource = "/kit/" + self.name
        self.props = {"method": "PUT", "bufferLength": 64}

    def send(self, n):
        c = http.client.HTTPConnection("127.0.0.1", self.link.port, timeout=10)
        try:
            c.request("PUT", self.datasource, json.dumps({"n": n}))
            c.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            c.close()


class PullSource(Row):
    type = "httppull"
    stateful = False

    def start(self):
        self.link = Link(self.w.web.port)
        self.datasource = "/pull/" + self.name
        self.now = 0
        self.w.pages[self.datasource] = lambda r: (200, {"Content-Type": "application/json"}, json.dumps({"n": self.now}))
        self.props = {"url": "http://127.0.0.1:%d" % self.link.port, "interval": "20ms", "incremental": True, "method": "get", "timeout": 2000}

    def send(self, n):
        self.now = n


class FileSource(Row):
    """A folder that is watched."""
    type = "file"
    stateful = False

    def start(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-kit.")
        self.datasource = "in"
        self.props = {"path": self.dir, "fileType": "lines", "actionAfterRead": 1}
        os.mkdir(self.dir + "/in")

    def send(self, n):
        with open(self.dir + "/part", "w") as f:
            f.write(json.dumps({"n": n}) + "\n")
        os.rename(self.dir + "/part", self.dir + "/in/%d-%d" % (n, time.monotonic_ns()))

    def close(self):
        shutil.rmtree(self.dir)


class MemorySource(Row):
    type = "memory"

    def start(self):
        d = self.w.d
        self.datasource = "kit/%s/+" % self.name
        self.props = {"bufferLength": 100}
        d.create(self.name + "_feed", "httppush", "/feed/" + self.name)
        d.add(self.name + "_feed", "SELECT * FROM %s_feed" % self.name, {"memory": {"topic": "kit/%s/x" % self.name}})

    def send(self, n):
        self.w.d.feed("/feed/" + self.name, {"n": n})

    def close(self):
        self.w.d.drop(self.name + "_feed")


class WsServerSource(Row):
    """An endpoint of the data server; peers come to it."""
    type = "websocket"

    def start(self):
        self.link = Link(self.w.d.push)
        self.datasource, self.props, self.end = "/ws/" + self.name, {}, None

    def send(self, n):
        for _ in range(2):
            try:
                if not self.end or self.end.closed:
                    self.end = ws_dial(self.link.port, self.datasource)
                self.end.send(json.dumps({"n": n}))
                return
            except OSError:
                self.end = None
                time.sleep(0.02)


class WsClientSource(Row):
    type = "websocket"

    def start(self):
        self.server = WsServer()
        self.link = Link(self.server.port)
        self.datasource = "/ws/there?x=1"
        self.props = {"addr": "127.0.0.1:%d" % self.link.port, "requestHeader": {"X-Kit": ["a", "b"]}}

    def send(self, n):
        for e in self.server.alive():
            try:
                e.send(json.dumps({"n": n}))
            except OSError:
                pass

    def close(self):
        super().close()
        self.server.close()


class SimulatorSource(Row):
    """Gives what it was told; there is nobody to send."""
    type = "simulator"
    stateful = False
    datasource = ""
    props = {"data": [{"n": n} for n in range(1, 40)], "interval": "5ms", "loop": True}

    def send(self, n):
        pass


SOURCES = [MqttSource, MqttSharedSource, PushSource, PullSource, FileSource, MemorySource, WsServerSource, WsClientSource, SimulatorSource]


class Sink(Row):
    """got(): values of n that arrived."""


class MqttSink(Sink):
    type = "mqtt"

    def start(self):
        self.link = Link(self.w.broker.port)
        self.seen = []
        self.sub = Mqtt(self.w.broker, "kit-" + self.name, "sink/" + self.name, lambda t, p: self.seen.append(json.loads(p)["n"]), clean=True).wait_ready()
        self.props = {"server": "tcp://127.0.0.1:%d" % self.link.port, "topic": "sink/" + self.name, "qos": 1}

    def got(self):
        return list(self.seen)

    def close(self):
        super().close()
        self.sub.close()


class MqttSharedSink(MqttSink):
    def start(self):
        super().start()
        self.w.d.ask("POST", "/connections", {"id": self.name, "typ": "mqtt", "props": {"server": self.props["server"]}})
        self.props = {"connectionSelector": self.name, "topic": "sink/" + self.name, "qos": 1}

    def close(self):
        super().close()
        self.w.d.ask("DELETE", "/connections/" + self.name)


class RestSink(Sink):
    type = "rest"
    stateful = False

    def start(self):
        self.link = Link(self.w.web.port)
        self.path = "/rest/" + self.name
        self.props = {"url": "http://127.0.0.1:%d%s" % (self.link.port, self.path), "method": "post", "enableCache": True, "resendInterval": 20}

    def got(self):
        return [json.loads(r["body"])["n"] for r in self.w.web.at(self.path)]


class FileSink(Sink):
    type = "file"
    stateful = False

    def start(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-kit.")
        self.props = {"path": self.dir + "/out.txt", "rollingCount": 1, "rollingNamePattern": "suffix"}

    def got(self):
        return [json.loads(line)["n"] for f in sorted(os.listdir(self.dir)) for line in open(self.dir + "/" + f) if line.strip()]

    def close(self):
        shutil.rmtree(self.dir)


class MemorySink(Sink):
    type = "memory"

    def start(self):
        d = self.w.d
        self.out = self.w.out(self.name + "_m")
        self.props = {"topic": "sink/" + self.name}
        d.create(self.name + "_m", "memory", "sink/" + self.name)
        d.add(self.name + "_m", "SELECT * FROM %s_m" % self.name, self.out.action())

    def got(self):
        return [r["n"] for r in self.out.rows()]

    def close(self):
        self.w.d.drop(self.name + "_m")


class LogSink(Sink):
    type = "log"
    stateful = False
    props = {}

    def got(self):
        return [int(n) for n in re.findall(r'sink result for rule %s: \{\\?"n\\?":(\d+)\}' % self.name, self.w.d.log_all())]


class NopSink(LogSink):
    type = "nop"
    props = {"log": True}


class WsServerSink(Sink):
    type = "websocket"

    def start(self):
        self.link = Link(self.w.d.push)
        self.props, self.end, self.old = {"path": "/wsink/" + self.name}, None, []

    def ready(self):
        if self.end and not self.end.closed:
            return True
        if self.end:
            self.old += self.end.got
        self.end = None
        try:
            self.end = ws_dial(self.link.port, self.props["path"])
        except OSError:
            pass
        return self.end is not None

    def got(self):
        return [json.loads(p)["n"] for p in self.old + (self.end.got if self.end else [])]


class WsClientSink(Sink):
    type = "websocket"

    def start(self):
        self.server = WsServer()
        self.link = Link(self.server.port)
        self.props = {"addr": "127.0.0.1:%d" % self.link.port, "path": "/there"}

    def got(self):
        return [json.loads(p)["n"] for p in self.server.got()]

    def close(self):
        super().close()
        self.server.close()


class SseSink(Sink):
    type = "sse"

    def start(self):
        self.link = Link(self.w.d.push)
        self.props, self.s, self.text = {"endpoint": "/sse/" + self.name}, None, b""

    def ready(self):
        if self.s:
            return True
        try:
            s = socket.create_connection(("127.0.0.1", self.link.port), 5)
            s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % self.props["endpoint"].encode())
            s.settimeout(2)
            head = s.recv(4096)
            if b" 200 " not in head:
                s.close()
                return False
        except OSError:
            return False
        self.s = s
        self.text += head.split(b"\r\n\r\n", 1)[1]
        s.settimeout(0.01)
        return True

    def got(self):
        try:
            while self.s:
                data = self.s.recv(65536)
                if not data:
                    self.s = None
                    break
                self.text += data
                if self.text.endswith(b"\r\n0\r\n\r\n"):  # the rule ended, and the stream with it
                    self.s = None
        except TimeoutError:
            pass
        except OSError:
            self.s = None
        return [json.loads(m)["n"] for m in re.findall(rb"data: (.*)\n", self.text)]


SINKS = [MqttSink, MqttSharedSink, RestSink, FileSink, MemorySink, LogSink, NopSink, WsServerSink, WsClientSink, SseSink]
ids = lambda row: row.__name__


# ================ rules around them ================
class SourceRig:
    def __init__(self, w, row, away=False, **options):
        self.w, self.name = w, w.d.fresh("k")
        self.row = row(w, self.name)
        if away:
            self.row.link.down()
        self.out = w.out(self.name)
        w.d.create(self.name, row.type, self.row.datasource, self.row.props)
        w.d.add(self.name, "SELECT n FROM " + self.name, self.out.action(), **options)
        w.d.running(self.name)

    def through(self, n, seconds=10):
        """Sends n until it comes out."""
        def check():
            if n in {r["n"] for r in self.out.rows()}:
                return True
            self.row.send(n)
            return False
        wait(lambda: "row %d of %s; status %s" % (n, self.name, self.w.d.status(self.name)), seconds, check, 0.03)

    def status(self):
        return self.w.d.status(self.name)

    def close(self):
        self.w.d.drop(self.name)
        self.row.close()


class SinkRig:
    def __init__(self, w, row, away=False, more=None, **options):
        self.w, self.name = w, w.d.fresh("k")
        self.row = row(w, self.name)
        if away:
            self.row.link.down()
        w.d.create(self.name, "httppush", "/sinkfeed/" + self.name)
        w.d.add(self.name, "SELECT n FROM " + self.name, {row.type: dict({"sendSingle": True}, **self.row.props, **(more or {}))}, **options)
        w.d.running(self.name)

    def feed(self, *ns):
        for n in ns:
            self.w.d.feed("/sinkfeed/" + self.name, {"n": n})

    def has(self, *ns, seconds=10):
        wait(lambda: "%s at %s: got %s; status %s" % (ns, self.name, self.row.got()[-5:], self.status()), seconds, lambda: set(ns) <= set(self.row.got()), 0.02)

    def through(self, n, seconds=10):
        """Peers that must come to us first get n again until it arrives; everybody else gets it once."""
        if not hasattr(self.row, "ready"):
            self.feed(n)
            self.has(n, seconds=seconds)
            return

        def check():
            if n in self.row.got():
                return True
            if self.row.ready():
                self.feed(n)
            return n in self.row.got()
        wait(lambda: "%d at %s; status %s" % (n, self.name, self.status()), seconds, check, 0.03)

    def status(self):
        return self.w.d.status(self.name)

    def node(self, key):
        s = self.status()
        return next(v for k, v in s.items() if k.startswith("sink_") and k.endswith(key))

    def close(self):
        self.w.d.drop(self.name)
        self.row.close()


def try_source(w, type_, datasource, props, **options):
    """(status, text) of the rule over a stream with these properties; nothing stays."""
    name = w.d.fresh("b")
    s, text = 0, ""
    try:
        w.d.create(name, type_, datasource, props, **options)
        s, text = w.d.call("POST", "/rules", {"id": name, "sql": "SELECT * FROM " + name, "actions": [{"nop": {}}]})
        if s != 201:
            assert w.d.call("GET", "/rules/" + name)[0] == 404, "a refused rule stays"
    finally:
        w.d.drop(name)
    return s, text


def try_sink(w, type_, props):
    name = w.d.fresh("b")
    w.d.create(name, "memory", "nobody")
    try:
        s, text = w.d.call("POST", "/rules", {"id": name, "sql": "SELECT * FROM " + name, "actions": [{type_: props}]})
        if s != 201:
            assert w.d.call("GET", "/rules/" + name)[0] == 404, "a refused rule stays"
    finally:
        w.d.drop(name)
    return s, text


def one(w, type_, datasource, props, columns="", sql="SELECT * FROM %s", running=True, **options):
    """A stream and a rule over it; (name, Out)."""
    name = w.d.fresh("p")
    out = w.out(name)
    w.d.create(name, type_, datasource, props, columns=columns, **options)
    w.d.add(name, sql % name, out.action())
    if running:
        w.d.running(name)
    return name, out


def to(w, action, rows=(), sql="SELECT * FROM %s", **options):
    """A rule with this action, fed with rows; its name."""
    name = w.d.fresh("p")
    w.d.create(name, "httppush", "/to/" + name)
    w.d.add(name, sql % name, action, **options)
    w.d.running(name)
    for r in rows:
        w.d.feed("/to/" + name, r)
    return name


def up(w, name, node="source"):
    wait(lambda: "%s of %s: %s" % (node, name, w.d.status(name)), 10,
         lambda: any(k.startswith(node) and k.endswith("connection_status") and v == 1 for k, v in w.d.status(name).items()), 0.01)


def message(w, name, part):
    wait(lambda: "%s in the status of %s: %s" % (part, name, w.d.status(name)), 10, lambda: part in json.dumps(w.d.status(name)), 0.02)


def sub(w, topic):
    got = []
    m = Mqtt(w.broker, "kit-sub-" + w.d.fresh("s"), topic, lambda t, p: got.append((t, p)), clean=True).wait_ready()
    return m, got


def b64file(path):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()).decode()


def lines(path):
    return open(path).read()
