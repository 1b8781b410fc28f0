"""What end-to-end tests share: a broker, the daemon, REST calls and a small MQTT 3.1.1 client of our own, so that a test decides when
something is acknowledged. No fixed ports; waiting is always for something, with a deadline."""
import json, os, random, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time
import http.client

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build/debug"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait(what, seconds, check, every=0.02):
    """Waits until check() is true and gives its value; what: for the message when it never is (text or function)."""
    end = time.monotonic() + seconds
    while True:
        v = check()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError("waited %g s in vain for %s" % (seconds, what() if callable(what) else what))
        time.sleep(every)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Broker:
    """mosquitto that keeps sessions and messages over a stop."""

    def __init__(self, extra="", port=None):
        self.port = port or free_port()
        self.url = "tcp://127.0.0.1:%d" % self.port
        self.dir = tempfile.mkdtemp(prefix="sluice-broker.")
        os.chmod(self.dir, 0o777)
        user = "user root\n" if os.getuid() == 0 else ""
        with open(self.dir + "/mosquitto.conf", "w") as f:
            f.write("listener %d 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\n%s"
                    "max_queued_messages 0\nmax_inflight_messages 100\n%s" % (self.port, self.dir, user, extra))
        self.p = None
        self.start()

    def start(self):
        exe = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.log = open(self.dir + "/log", "a")
        self.p = subprocess.Popen([exe, "-c", self.dir + "/mosquitto.conf"], stdout=self.log, stderr=self.log)
        wait("mosquitto", 10, lambda: listens(self.port))

    def stop(self):
        self.p.terminate()
        self.p.wait(20)
        self.log.close()

    def close(self):
        if self.p.poll() is None:
            self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Daemon:
    def __init__(self, build=BUILD, sets=(), args=()):
        self.build = build
        self.home = tempfile.mkdtemp(prefix="sluice-home.")
        self.port, self.push, cli = free_port(), free_port(), free_port()
        self.cmd = [build + "/sluiced", "--home", self.home, *args]
        for s in ["basic.restPort=%d" % self.port, "source.httpServerPort=%d" % self.push, "basic.port=%d" % cli, *sets]:
            self.cmd += ["--set", s]
        self.p = None
        self.ended = []  # exit codes of lives that ended by themselves or by SIGTERM

    def write(self, path, content):
        """A file of the daemon's folder."""
        os.makedirs(os.path.dirname(self.home + "/" + path), exist_ok=True)
        with open(self.home + "/" + path, "w") as f:
            f.write(content)

    def start(self, ready=True):
        self.out = open(self.home + "/out", "a")
        self.p = subprocess.Popen(self.cmd, stdout=self.out, stderr=self.out, env=dict(os.environ, SL_MODULES=self.build + "/modules"))
        if ready:
            self.ready()
        return self

    def ready(self):
        def check():
            assert self.p.poll() is None, "the daemon ended with %s: %s" % (self.p.poll(), self.said())
            return listens(self.port)
        wait("REST", 20, check)

    def kill(self):
        self.p.send_signal(signal.SIGKILL)
        self.p.wait(10)

    def stop(self, seconds=20):
        self.p.terminate()
        code = self.p.wait(seconds)
        self.ended.append(code)
        assert code == 0, "the daemon ended with %d: %s" % (code, self.said())

    def said(self):
        with open(self.home + "/out", errors="replace") as f:
            return f.read()[-4000:]

    def log_all(self):
        with open(self.home + "/out", errors="replace") as f:
            return f.read() + self.log()

    def log(self):
        try:
            with open(self.home + "/log/stream.log", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def rss_kb(self):
        with open("/proc/%d/status" % self.p.pid) as f:
            return int(next(l for l in f if l.startswith("VmRSS")).split()[1])

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.p.pid) as f:
            x = f.read().rsplit(")", 1)[1].split()
        return (int(x[11]) + int(x[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self.p and self.p.poll() is None:
            self.kill()
        if not os.environ.get("SLUICE_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method, path, body=None, timeout=30):
        """(status, text)"""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None)
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()

    def ask(self, method, path, body=None, timeout=30):
        """The answer, which must be a success, as JSON when it is."""
        status, text = self.call(method, path, body, timeout)
        assert status < 300, "%s %s: %d %s" % (method, path, status, text)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def stream(self, name, topic, broker, shared=False, options="", **extra):
        props = dict({"server": broker.url}, **extra)
        opts = ['DATASOURCE="%s"' % topic, 'TYPE="mqtt"', 'FORMAT="json"', 'EXTRA="%s"' % json.dumps(props).replace('"', '\\"')]
        if options:
            opts.append(options)
        if shared:
            opts.append('SHARED="true"')
        self.ask("POST", "/streams", {"sql": "CREATE STREAM %s () WITH (%s)" % (name, ", ".join(opts))})

    def rule(self, name, sql, *actions, **options):
        self.ask("POST", "/rules", {"id": name, "sql": sql, "actions": list(actions), "options": options})

    def status(self, rule):
        return self.ask("GET", "/rules/%s/status" % rule)

    def connected(self, rule, node):
        """Waits until a node ("source_demo_0", "sink_mqtt_0_0") of the rule is connected."""
        def check():
            return self.status(rule).get(node + "_connection_status") == 1
        wait(lambda: "%s of %s: %s" % (node, rule, self.status(rule)), 20, check)


# ---- MQTT ----
CONNACK, PUBLISH, PUBACK, PUBREC, PUBCOMP, SUBACK = 2, 3, 4, 5, 7, 9


def text(s):
    b = s.encode()
    return struct.pack(">H", len(b)) + b


def frame(head, body):
    n, out = len(body), bytearray([head])
    while True:
        out.append((n & 127) | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out) + body


class Mqtt(threading.Thread):
    """A client that always comes back. Publishes with QoS 1 or 2, sends again what was not acknowledged; subscribes with QoS 1, delivers to
    on_message, then acknowledges. state under self.lock."""

    def __init__(self, broker, client_id, subscribe=None, on_message=None, clean=False, qos=1):
        super().__init__(daemon=True)
        self.qos, self.released = qos, set()
        self.broker, self.client_id, self.topic, self.on_message, self.clean = broker, client_id, subscribe, on_message, clean
        self.lock = threading.Condition()
        self.sock, self.ready, self.ending = None, False, False
        self.flying = {}  # id -> (topic, payload)
        self.next_id = 1
        self.error = None
        self.start()

    def run(self):
        while not self.ending:
            try:
                self.session()
            except (OSError, EOFError):
                pass
            except Exception as e:  # of on_message: the test must see it
                self.error = e
                raise
            with self.lock:
                self.ready = False
                if self.sock:
                    self.sock.close()
                self.sock = None
                self.lock.notify_all()
            if not self.ending:
                time.sleep(0.05)

    def send(self, data):
        with self.lock:
            if self.sock:
                try:
                    self.sock.sendall(data)
                except OSError:
                    pass  # the reader notices

    def packets(self, s):
        buf = bytearray()
        while True:
            at, n, shift = 1, 0, 0
            while at < len(buf):
                n |= (buf[at] & 127) << shift
                shift += 7
                at += 1
                if not buf[at - 1] & 128:
                    if len(buf) >= at + n:
                        yield buf[0], bytes(buf[at:at + n])
                        del buf[:at + n]
                        at, n, shift = 1, 0, 0
                        continue
                    break
            got = s.recv(65536)
            if not got:
                raise EOFError
            buf += got

    def session(self):
        s = socket.create_connection(("127.0.0.1", self.broker.port), 5)
        s.settimeout(None)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.sock = s
        self.send(frame(0x10, text("MQTT") + bytes([4, 2 if self.clean else 0, 0, 0]) + text(self.client_id)))
        for head, body in self.packets(s):
            kind = head >> 4
            if kind == CONNACK:
                assert body[1] == 0, "CONNACK %d" % body[1]
                if self.topic:
                    self.send(frame(0x82, b"\0\1" + text(self.topic) + b"\1"))
                else:
                    self.up()
            elif kind == SUBACK:
                self.up()
            elif kind == PUBREC:
                with self.lock:
                    self.released.add(struct.unpack(">H", body)[0])
                self.send(b"\x62\x02" + body)
            elif kind in (PUBACK, PUBCOMP):
                with self.lock:
                    i = struct.unpack(">H", body)[0]
                    self.released.discard(i)
                    self.flying.pop(i, None)
                    self.lock.notify_all()
            elif kind == PUBLISH:
                n = struct.unpack(">H", body[:2])[0]
                topic, at = body[2:2 + n].decode(), 2 + n
                qos = head >> 1 & 3
                ack = body[at:at + 2] if qos else b""
                self.on_message(topic, body[at + len(ack):])
                if qos:
                    self.send(b"\x40\x02" + ack)

    def up(self):
        with self.lock:
            for i, (topic, payload) in self.flying.items():
                if i in self.released:
                    self.sock.sendall(frame(0x62, struct.pack(">H", i)))
                else:
                    self.sock.sendall(frame(0x38 | self.qos << 1, text(topic) + struct.pack(">H", i) + payload))
            self.ready = True
            self.lock.notify_all()

    def publish(self, topic, payload, window=200):
        """Waits while `window` messages are not acknowledged."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.flying) < window, 30), "the broker acknowledges nothing for 30 s"
            while self.next_id in self.flying:
                self.next_id = self.next_id % 60000 + 1
            i, self.next_id = self.next_id, self.next_id % 60000 + 1
            self.flying[i] = (topic, payload)
            if self.ready:
                try:
                    self.sock.sendall(frame(0x30 | self.qos << 1, text(topic) + struct.pack(">H", i) + payload))
                except OSError:
                    pass

    def settle(self, seconds=30):
        with self.lock:
            assert self.lock.wait_for(lambda: not self.flying, seconds), "%d messages not acknowledged by the broker" % len(self.flying)

    def wait_ready(self):
        with self.lock:
            assert self.lock.wait_for(lambda: self.ready, 20), "no connection to the broker"
        return self

    def close(self):
        self.ending = True
        with self.lock:
            if self.sock:
                try:
                    self.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.join(10)
        assert self.error is None, self.error


class Collector:
    """Counts the values of one field of what arrives on a topic, QoS 1, lasting session."""

    def __init__(self, broker, topic, field="seq", client_id=None):
        self.count, self.order, self.field = {}, [], field
        self.mqtt = Mqtt(broker, client_id or "collector-%d" % random.getrandbits(40), topic, self.take).wait_ready()

    def take(self, topic, payload):
        rows = json.loads(payload)
        for row in rows if isinstance(rows, list) else [rows]:
            v = row[self.field]
            self.count[v] = self.count.get(v, 0) + 1
            self.order.append(v)

    def wait_all(self, n, seconds=60):
        """Until 0 … n-1 were all there; the number of duplicates."""
        def lost():
            gone = [i for i in range(n) if i not in self.count]
            return "%d of %d messages, the first ones: %s" % (len(gone), n, gone[:20])
        wait(lost, seconds, lambda: len(self.count) >= n and all(i in self.count for i in range(n)), 0.05)
        return sum(self.count.values()) - n

    def close(self):
        self.mqtt.close()
