"""Peers for the connector kit: a web server, WebSocket ends, a link that can be cut, slowed and taken away, and the daemon with short verbs.
Every property that a test gives to a stream or an action is noted, so that the kit can say which ones nobody used."""
import base64, hashlib, http.client, http.server, json, os, re, select, socket, socketserver, struct, subprocess, threading, time
from kit import Broker, Daemon, Mqtt, free_port, wait

# ---- a link: TCP from a port of ours to a target, with faults ----


class Link:
    def __init__(self, target, up=True):
        self.target, self.port, self.listener, self.pairs = target, free_port(), None, []
        self.slow, self.lock = False, threading.Lock()
        if up:
            self.up()

    def up(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", self.port))
        s.listen(64)
        self.listener = s
        threading.Thread(target=self.accept, args=(s,), daemon=True).start()

    def accept(self, s):
        while True:
            try:
                a, _ = s.accept()
            except OSError:
                return
            try:
                b = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                a.close()
                continue
            with self.lock:
                self.pairs.append((a, b))
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.pump, args=(x, y), daemon=True).start()

    def pump(self, x, y):
        try:
            while True:
                data = x.recv(65536)
                if not data:
                    break
                while self.slow and data:  # a few bytes at a time
                    y.sendall(data[:11])
                    data = data[11:]
                    time.sleep(0.0005)
                y.sendall(data)
        except OSError:
            pass
        for s in (x, y):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for p in pairs:
            for s in p:
                try:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()

    def down(self):
        if self.listener:
            try:
                self.listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.listener.close()
        self.listener = None
        self.cut()

    def close(self):
        self.down()


# ---- a web server ----
class Web:
    """Answers what `answer(request)` says: (status, headers, body); keeps every request."""

    def __init__(self, answer=None, tls=None):
        self.requests, self.answer, self.lock = [], answer or (lambda r: (200, {}, b"")), threading.Condition()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def any(self):
                n = int(self.headers.get("Content-Length") or 0)
                r = {"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": self.rfile.read(n)}
                with web.lock:
                    web.requests.append(r)
                    web.lock.notify_all()
                status, headers, body = web.answer(r)
                body = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                for k, v in dict({"Content-Length": str(len(body))}, **headers).items():
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = any

            def log_message(self, *a):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # clients come and go

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def at(self, path):
        with self.lock:
            return [r for r in self.requests if r["path"].split("?")[0] == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Out:
    """What a rule gives, by its rest sink: rows in order."""

    def __init__(self, web, name):
        self.web, self.path = web, "/out/" + name

    def action(self):
        return {"rest": {"url": "http://127.0.0.1:%d%s" % (self.web.port, self.path), "method": "POST", "sendSingle": True}}

    def rows(self):
        return [json.loads(r["body"]) for r in self.web.at(self.path)]

    def wait(self, check, seconds=10):
        """Until check(rows) is true."""
        wait(lambda: "rows of %s: %s" % (self.path, self.rows()[-5:]), seconds, lambda: check(self.rows()), 0.01)
        return self.rows()

    def has(self, *values, field="n", seconds=10):
        self.wait(lambda rows: set(values) <= {r.get(field) for r in rows}, seconds)


# ---- WebSocket, by hand ----
def ws_frame(payload, text=True, mask=False):
    b = payload.encode() if isinstance(payload, str) else payload
    n = len(b)
    head = bytes([0x81 if text else 0x82])
    m = 0x80 if mask else 0
    head += bytes([m | n]) if n < 126 else bytes([m | 126]) + struct.pack(">H", n) if n < 65536 else bytes([m | 127]) + struct.pack(">Q", n)
    if not mask:
        return head + b
    k = os.urandom(4)
    return head + k + bytes(c ^ k[i % 4] for i, c in enumerate(b))


class WsEnd:
    """One end of a WebSocket: a thread reads text frames into .got."""

    def __init__(self, sock, buf, masks):
        self.sock, self.buf, self.masks, self.got, self.closed = sock, bytearray(buf), masks, [], False
        threading.Thread(target=self.run, daemon=True).start()

    def need(self, n):
        while len(self.buf) < n:
            d = self.sock.recv(65536)
            if not d:
                raise EOFError
            self.buf += d

    def run(self):
        try:
            while True:
                self.need(2)
                op, n, at = self.buf[0] & 15, self.buf[1] & 127, 2
                masked = self.buf[1] & 128
                if n == 126:
                    self.need(4)
                    n, at = struct.unpack(">H", self.buf[2:4])[0], 4
                elif n == 127:
                    self.need(10)
                    n, at = struct.unpack(">Q", self.buf[2:10])[0], 10
                if masked:
                    self.need(at + 4)
                    k, at = self.buf[at:at + 4], at + 4
                self.need(at + n)
                p = bytes(self.buf[at:at + n])
                del self.buf[:at + n]
                if masked:
                    p = bytes(c ^ k[i % 4] for i, c in enumerate(p))
                if op == 8:
                    raise EOFError
                if op == 9:
                    self.sock.sendall(bytes([0x8A, len(p)]) + p)
                elif op in (1, 2):
                    self.got.append(p)
        except (OSError, EOFError):
            self.closed = True
            self.sock.close()

    def send(self, payload, text=True):
        self.sock.sendall(ws_frame(payload, text, self.masks))

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def ws_key(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def ws_dial(port, path):
    s = socket.create_connection(("127.0.0.1", port), 5)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (path, key)).encode())
    b = b""
    while b"\r\n\r\n" not in b:
        d = s.recv(4096)
        if not d:
            raise OSError("no handshake")
        b += d
    head, rest = b.split(b"\r\n\r\n", 1)
    if b" 101 " not in head.split(b"\r\n")[0]:
        s.close()
        raise OSError(head.split(b"\r\n")[0].decode())
    assert ws_key(key).encode() in head
    s.settimeout(None)
    return WsEnd(s, rest, True)


class WsServer:
    """Accepts WebSockets; .ends are the peers, .heads their requests."""

    def __init__(self, tls=None):
        self.ends, self.heads, self.tls = [], [], tls
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen(16)
        self.port = self.s.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                a, _ = self.s.accept()
            except OSError:
                return
            try:
                if self.tls:
                    a = self.tls.wrap_socket(a, server_side=True)
                b = b""
                while b"\r\n\r\n" not in b:
                    d = a.recv(4096)
                    if not d:
                        raise OSError("left")
                    b += d
                head, rest = b.split(b"\r\n\r\n", 1)
                key = re.search(rb"(?i)sec-websocket-key: (.*?)\r\n", head + b"\r\n").group(1).decode()
                a.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % ws_key(key)).encode())
            except (OSError, AttributeError):
                a.close()
                continue
            self.heads.append(head.decode())
            self.ends.append(WsEnd(a, rest, False))

    def alive(self):
        return [e for e in self.ends if not e.closed]

    def got(self):
        return [p for e in self.ends for p in e.got]

    def close(self):
        self.s.close()
        for e in self.ends:
            e.close()


# ---- certificates ----
def certificates(folder):
    """ca, server (127.0.0.1) and client, as NAME.pem and NAME.key."""
    def run(*a):
        subprocess.run(["openssl", *a], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=kit")
    with open(folder + "/ext", "w") as f:
        f.write("subjectAltName=IP:127.0.0.1")
    for n in ("server", "client"):
        run("req", *new, "-keyout", n + ".key", "-out", n + ".csr", "-subj", "/CN=" + n)
        run("x509", "-req", "-in", n + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", n + ".pem", "-days", "2", "-extfile", "ext")


# ---- the daemon with short verbs ----
AES_KEY = base64.b64encode(bytes(range(32))).decode()


def opened(data, mode="cfb"):
    """Plain bytes of IV and ciphertext, by openssl."""
    p = subprocess.run(["openssl", "enc", "-d", "-aes-256-" + mode, "-K", bytes(range(32)).hex(), "-iv", data[:16].hex()], input=data[16:], capture_output=True, check=True)
    return p.stdout


USED = set()  # (type, "source" or "sink", property in lower case)


class Engine(Daemon):
    count = 0

    def fresh(self, word):
        Engine.count += 1
        return "%s%d" % (word, Engine.count)

    def create(self, name, type_, datasource, props=None, shared=False, columns="", **options):
        opts = {"TYPE": type_, "FORMAT": "json", "DATASOURCE": datasource}
        if props:
            opts["EXTRA"] = json.dumps(props)
        if shared:
            opts["SHARED"] = "true"
        opts.update(options)
        text = ", ".join('%s="%s"' % (k, v.replace("\\", "\\\\").replace('"', '\\"')) for k, v in opts.items() if v is not None)
        USED.update((type_, "source", k.lower()) for k in props or {})
        self.ask("POST", "/streams", {"sql": "CREATE STREAM %s (%s) WITH (%s)" % (name, columns, text)})
        return name

    def add(self, name, sql, *actions, **options):
        for a in actions:
            for type_, props in a.items():
                USED.update((type_, "sink", k.lower()) for k in props)
        self.rule(name, sql, *actions, **options)
        return name

    def drop(self, *names):
        for n in names:
            self.call("DELETE", "/rules/" + n)
        for n in names:
            self.call("DELETE", "/streams/" + n)

    def running(self, rule):
        wait(lambda: "%s runs: %s" % (rule, self.status(rule)), 10, lambda: self.status(rule).get("status") == "running" or self.status(rule).get("message") == "done")

    def post(self, path, row, method="POST"):
        c = http.client.HTTPConnection("127.0.0.1", self.push, timeout=10)
        try:
            c.request(method, path, row if isinstance(row, (bytes, str)) else json.dumps(row))
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def feed(self, path, row):
        """Posts until it is taken."""
        wait("the endpoint %s" % path, 10, lambda: self.post(path, row)[0] == 200)


def tables():
    """{(type, "source"|"sink"|"lookup table"): {property: (type, default)}} out of the daemon's reference; type "every": common ones."""
    from kit import BUILD
    text = subprocess.run([BUILD + "/sluiced", "--reference", "connectors"], capture_output=True, text=True, check=True).stdout
    out, here = {}, None
    for line in text.split("\n"):
        if line.startswith("#"):
            m = re.match(r"### (\w+): (.*)", line)
            every = re.match(r"## Properties of every (\w+)", line)
            key = (m.group(1), m.group(2)) if m else ("every", {"action": "sink"}.get(every.group(1), every.group(1))) if every else None
            here = out.setdefault(key, {}) if key else None
        elif here is not None and line.startswith("| `"):
            cells = [c.strip() for c in line.replace("\\|", "\0").split("|")]
            here[cells[1].strip("`")] = (cells[2].split(",")[0], cells[3].strip("`").replace("\0", "|"))
    return out
