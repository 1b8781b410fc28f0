#!/usr/bin/env python3
"""Run conformance vectors of any kind that README.md describes against the real daemon, and show each difference with both sides.

  conform.py [--build DIR] [--only PATTERN] [--failures N] [--json] [--list] [-j N] FILE...

Rules, statements, transforms and functions run in one daemon in test mode (held clock, feed, collect: the test door); transcripts
(rest, rest-data, cli) are played with replay_rest.py against a fresh daemon each. A feature that does not exist is a failure, never
a skip; a kind without a runner fails once a vector. Last line: N passed, N failed, N skipped.
"""
import argparse, base64, collections, fnmatch, http.client, json, math, os, re, shutil, socket, subprocess, sys, tempfile, threading, time
import concurrent.futures, urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import replay_rest


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    """A daemon in test mode in a folder of its own."""

    ended = [] # what was wrong at the end of daemons: text

    def __init__(self, build, env=None):
        self.build, self.env = build, env or {}
        self.dir = tempfile.mkdtemp(prefix="sluice-conform-")
        self.port = free_port()
        self.start()

    def start(self):
        env = dict(os.environ, TZ="UTC", **self.env)
        self.proc = subprocess.Popen([os.path.join(self.build, "sluiced"), "--home", self.dir, "--test", "--set", f"basic.restPort={self.port}",
                                      "--set", f"source.httpServerPort={free_port()}", "--set", f"basic.port={free_port()}", "--set", "basic.timezone=UTC"],
                                     env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.proc.stdout.readline()
        if not line.startswith("Serving kuiper"):
            raise RuntimeError("the daemon did not start: " + line + self.proc.stderr.read())

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = body if isinstance(body, (bytes, type(None))) else (body if isinstance(body, str) else json.dumps(body)).encode()
            c.request(method, path, data)
            r = c.getresponse()
            return r.status, r.read().decode("utf-8", "surrogateescape")
        finally:
            c.close()

    def alive(self):
        return self.proc.poll() is None

    def stop(self):
        if self.alive():
            self.proc.terminate()
            try:
                self.proc.wait(20)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                Daemon.ended.append("a daemon did not end within 20 s of SIGTERM")
            else:
                if self.proc.returncode:
                    Daemon.ended.append(f"a daemon ended with {self.proc.returncode} after SIGTERM: {self.proc.stderr.read()[-3000:]}")
        else:
            Daemon.ended.append(f"a daemon died with {self.proc.returncode}: {self.proc.stderr.read()[-3000:]}")
        self.proc.stdout.close()
        self.proc.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Sanitizers:
    """Collects what the sanitizers of a build say in any process started from here; without a sanitizer nothing comes."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-sanitizers-")
        for name, more in (("ASAN", ":detect_leaks=1"), ("UBSAN", ":print_stacktrace=1"), ("TSAN", ":second_deadlock_stack=1"), ("LSAN", "")):
            old = os.environ.get(name + "_OPTIONS", "")
            os.environ[name + "_OPTIONS"] = f"{old}:log_path={self.dir}/{name.lower()}{more}".lstrip(":")

    def reports(self):
        """The reports, each kind (same first lines of the stack) once."""
        seen, count = {}, 0
        for f in sorted(os.listdir(self.dir)):
            text = open(os.path.join(self.dir, f), errors="replace").read()
            for part in re.split(r"(?m)^(?=WARNING: ThreadSanitizer|==\d+==ERROR|(?:Direct|Indirect) leak)", text):
                if not re.search("ERROR|WARNING|leak of|runtime error", part):
                    continue
                count += 1
                key = re.sub(r"0x[0-9a-f]+|==\d+==|\d+ (byte|object)|pid=\d+|tid=\d+", "", "\n".join(l for l in part.split("\n") if re.search(r"#[0-6] |SUMMARY|runtime error", l)))
                seen.setdefault(key, part)
        shutil.rmtree(self.dir, ignore_errors=True)
        return count, list(seen.values())


def error_text(body):
    try:
        return json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        return body.strip()


# ---------------------------------------------------------------- values of the README's notation, kinds kept
def norm(v):
    """A value as a comparable tree with kinds: ints and floats differ."""
    if isinstance(v, bool) or v is None or isinstance(v, str):
        return v
    if isinstance(v, int):
        return ("int", v)
    if isinstance(v, float):
        return ("float", v)
    if isinstance(v, list):
        return [norm(x) for x in v]
    t = v.get("$type")
    if t == "int":
        return ("int", int(v["value"]))
    if t == "float":
        return ("float", float({"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan", "-0": "-0.0"}.get(v["value"], v["value"])))
    if t == "bytes":
        return ("bytes", v["base64"])
    if t == "datetime":
        return ("datetime", v["ms"])
    if t == "duration":
        return ("int", v["ns"])
    if t in ("nil list", "nil map"):
        return None
    return {k: norm(x) for k, x in v.items()}


def same(a, b):
    if isinstance(a, tuple) and isinstance(b, tuple):
        if a[0] != b[0]:
            return False
        if a[0] == "float":
            return a[1] == b[1] or (math.isnan(a[1]) and math.isnan(b[1])) or (math.isfinite(a[1]) and math.isclose(a[1], b[1], rel_tol=1e-12))
        return a[1] == b[1]
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


def unordered_same(a, b):
    b = list(b)
    for x in a:
        for i, y in enumerate(b):
            if same(x, y):
                del b[i]
                break
        else:
            return False
    return not b


# ---------------------------------------------------------------- runners: each returns None, or (expected, got)
class Runner:
    def __init__(self, args):
        self.args, self.base, self.daemons, self.n = args, None, {}, 0

    def daemon(self, **env):
        key = tuple(sorted(env.items()))
        d = self.daemons.get(key)
        if d is None or not d.alive():
            if d:
                d.stop() # it died; the vector that saw it has failed, the reason is told at the end
            d = self.daemons[key] = Daemon(self.args.build, env)
        return d

    def close(self):
        for d in self.daemons.values():
            d.stop()

    def setup(self, d, statements):
        for s in statements:
            status, body = d.call("POST", "/streams", {"sql": s})
            if status >= 300:
                return error_text(body).split(": ", 1)[-1]
        return None

    def clear(self, d):
        for kind in ("streams", "tables"):
            for name in json.loads(d.call("GET", "/" + kind)[1]):
                d.call("DELETE", f"/{kind}/{name}?force=true")

    def refused(self, d, v, sql, options, actions):
        """Create the rule; None when it runs, else its error without the wrapper, and the stage."""
        self.n += 1
        rule = f"r{self.n}"
        status, body = d.call("POST", "/rules", {"id": rule, "sql": sql, "actions": actions, "options": options or {}})
        if status < 300:
            return rule, None
        text = error_text(body)
        head = f"invalid rule json: Parse SQL {sql} error: "
        return None, text[len(head):-1] if text.startswith(head) else text.removeprefix("invalid rule json: ")

    def wrong_text(self, v, want, got):
        return want != "*" and got != want and v.get("error_match") not in ("loose", "any")

    def rule(self, v, actions=None, bytes_out=False):
        conf = v.get("config") or {}
        d = self.daemon(**({"KUIPER__BASIC__IGNORECASE": "true"} if conf.get("ignoreCase") else {}))
        start = v.get("start", 1700006400000)
        d.call("POST", "/$test/clock", {"hold": start})
        rule = None
        try:
            got = self.setup(d, v.get("streams", []) + v.get("tables", []))
            if got is None:
                rule, got = self.refused(d, v, v["sql"], v.get("options"), actions or [{"$collect": {"sendSingle": False}}])
            if got is not None:
                if "error" in v and not self.wrong_text(v, v["error"], got):
                    return None
                return v.get("error", v.get("expect")), {"refused": got}
            if "error" in v and "expect" not in v:
                return {"error": v["error"]}, "accepted"
            status, body = d.call("POST", "/$test/play", {"rule": rule, "start": start, "input": v.get("input", []), "until": v.get("until", 0)})
            if status != 200:
                return v.get("expect"), body
            body = body.replace('{"$type":"nil list"}', "[]").replace('{"$type":"nil map"}', "{}") # as rules.jsonl was recorded
            return self.compare_emissions(v, start, json.loads(body))
        finally:
            if rule:
                d.call("DELETE", f"/rules/{rule}")
            self.clear(d)

    def compare_emissions(self, v, start, got):
        if "expect" not in v:
            return None # the wanted result is left open
        out = []
        for e in got:
            rows = e["rows"]
            if e.get("is_error"):
                out.append({"at": e["at"] - start, "error": rows[0]["error"]})
            else:
                out.append({"at": e["at"] - start, "rows": rows})
        want = v["expect"]
        ok = len(out) == len(want)
        for w, g in zip(want, out):
            if not ok:
                break
            if w["at"] != g["at"] or ("error" in w) != ("error" in g):
                ok = False
            elif "error" in w:
                ok = w["error"] in ("*", g["error"]) or v.get("error_match") in ("loose", "any")
            elif v.get("order") == "any":
                ok = unordered_same([norm(r) for r in w["rows"]], [norm(r) for r in g["rows"]])
            else:
                ok = same(norm(w["rows"]), norm(g["rows"]))
        return None if ok else (want, out)

    def statement(self, v):
        d = self.daemon()
        if "base" in v:
            self.base = v["base"]
            return None
        try:
            if "steps" in v:
                for s in v["steps"]:
                    status, body = d.call("POST", "/streams", {"sql": s["sql"]})
                    if status < 300:
                        import html
                        got = html.unescape(body)
                        if s["sql"].split()[0].upper() == "SHOW":
                            got = "\n".join(sorted(got.split("\n")))
                        if got != s.get("result"):
                            return s, got
                    else:
                        got = error_text(body)
                        got = got[len("Stream command error: "):] if got.startswith("Stream command error: ") else got
                        if "error" not in s or (s["error"] != got and s.get("error_match", v.get("error_match")) != "loose"):
                            return s, {"error": got}
                return None
            if "sql" not in v:
                return None # a defect without a wanted text
            err = self.setup(d, self.base or [])
            if err:
                return "the base definitions", err
            rule, got = self.refused(d, v, v["sql"], v.get("options"), [{"nop": {}}])
            if rule:
                d.call("DELETE", f"/rules/{rule}")
            if "defect" in v and "error" not in v and not v.get("valid"): # no wanted text: the stance of the defect decides
                want = "valid" if v["defect"] == "D15" else "refused"
                return None if (want == "valid") == bool(rule) else (want, got or "accepted")
            if rule:
                return None if v.get("valid") or "error" not in v else (v["error"], "accepted")
            if v.get("valid") or "error" not in v or self.wrong_text(v, v["error"], got):
                return v.get("error", "valid"), {"refused": got}
            return None
        finally:
            self.clear(d)

    def transform(self, v):
        rows = [{"at": 100 * (i + 1), "stream": "car", "row": r} for i, r in enumerate(v["rows"])]
        w = dict(v, streams=['CREATE STREAM car () WITH (DATASOURCE="car", TYPE="memory", FORMAT="json")'], input=rows, until=100 * len(rows) + 2000)
        d = self.daemon()
        start = 1700006400000
        d.call("POST", "/$test/clock", {"hold": start})
        rule = None
        try:
            self.setup(d, w["streams"])
            rule, got = self.refused(d, v, v["sql"], v.get("options"), [{"$collect_bytes": v["props"]}])
            if got is not None:
                return None if "error" in v and not self.wrong_text(v, v["error"], got) else (v.get("error", v.get("expect")), {"refused": got})
            if "expect" not in v:
                return v.get("error"), "accepted"
            status, body = d.call("POST", "/$test/play", {"rule": rule, "start": start, "input": rows, "until": w["until"]})
            got = []
            for e in json.loads(body):
                data = base64.b64decode(e["base64"]).decode("utf-8", "surrogateescape")
                got.append({"error" if e.get("is_error") else "bytes": data, "at": e["at"] - start, "props": e.get("props")})
            want = v["expect"]
            ok = len(want) == len(got)
            for x, g in zip(want, got):
                if "error" in x:
                    ok = ok and "error" in g and (x["error"] == g["error"] or v.get("error_match") in ("loose", "any"))
                else:
                    ok = ok and x["bytes"] == g.get("bytes") and ("props" not in x or x["props"] == g["props"])
                ok = ok and ("at" not in x or x["at"] == g["at"])
            return None if ok else (want, got)
        finally:
            if rule:
                d.call("DELETE", f"/rules/{rule}")
            self.clear(d)

    # whose plain-call vectors were recorded with the engine's native int (README)
    goint = ("repeat", "sequence", "now", "cur_time", "current_time", "current_timestamp", "local_time", "local_timestamp")

    def function(self, v):
        kind = v.get("kind")
        d = self.daemon(**({"KUIPER__BASIC__TIMEZONE": v["env"]["tz"]} if kind and "tz" in v.get("env", {}) else {}))
        if kind is None:
            status, body = d.call("POST", "/$test/call", {"fn": v["fn"], "args": v["args"], "env": v.get("env", {}),
                                                               "goint": v["fn"] in self.goint})
            if status != 200:
                return v.get("expect", v.get("error")), error_text(body)
            got = json.loads(body)
            if "error" in v:
                if "error" not in got:
                    return {"error": v["error"]}, got
                return None if v.get("error_match") in ("loose", "any") or got["error"] == v["error"] else ({"error": v["error"]}, got)
            if "expect" not in got:
                return v["expect"], got
            a, b = norm(v["expect"]), norm(got["expect"])
            ok = same(a, b)
            if v.get("cmp") == "unordered" and isinstance(a, list) and isinstance(b, list):
                ok = unordered_same(a, b)
            elif v.get("cmp") == "decompress":
                ok = self.inflate(v, a) == self.inflate(v, b)
            return None if ok else (v["expect"], got["expect"])
        if kind in ("validate", "parse"):
            sql = v["sql"] if kind == "parse" else f"SELECT {v['fn']}({', '.join(v['sql_args'])}) FROM s"
            got = json.loads(d.call("POST", "/$test/parse", sql)[1])
            if "error" not in v:
                return None if got.get("valid") else ("valid", got)
            text = got.get("error", "valid")
            head = f"validate function {v['fn']} error: "
            if text.startswith(head) and kind == "validate":
                text = text[len(head):]
            return None if text == v["error"] or (v.get("error_match") in ("loose", "any") and text != "valid") else (v["error"], text)
        if kind in ("agg", "seq"):
            steps = v["steps"] if kind == "seq" else [v]
            body = {"fn": v["fn"], "env": v.get("env", {})}
            body.update({"steps": steps} if kind == "seq" else {"args": v["args"]})
            status, text = d.call("POST", "/$test/call", body)
            if status != 200:
                return "an answer", error_text(text)
            got = json.loads(text) if kind == "seq" else [json.loads(text)]
            for want, have in zip(steps, got):
                if "error" in want:
                    loose = want.get("error_match", v.get("error_match")) in ("loose", "any")
                    if "error" not in have or (have["error"] != want["error"] and not loose):
                        return {"error": want["error"]}, have
                elif "expect" not in have:
                    return want["expect"], have
                else:
                    x, y = norm(want["expect"]), norm(have["expect"])
                    if v.get("cmp") == "decompress":
                        x, y = self.inflate(dict(v, args=want["args"]), x), self.inflate(dict(v, args=want["args"]), y)
                    if not same(x, y):
                        return want["expect"], have["expect"]
            return None
        if kind in ("expr", "rule", "window"):
            if kind == "window":
                over = []
                if v.get("partition_by"):
                    over.append("PARTITION BY " + ", ".join(v["partition_by"]))
                if v.get("order_by"):
                    over.append("ORDER BY " + ", ".join(o["field"] + (" DESC" if o.get("desc") else "") for o in v["order_by"]))
                start = 1700006400000
                rows = [{"at": start + i, "stream": "demo", "row": r} for i, r in enumerate(v["rows"])]
                sql, want, kind = f"SELECT *, row_number() OVER ({' '.join(over)}) FROM demo GROUP BY COUNTWINDOW({len(rows)})", [v["expect"]], "rule"
            elif kind == "rule":
                rows = [{"at": r["ts"], "stream": "demo", "row": r["row"], "meta": r.get("meta", {})} for r in v["input"]]
                start, sql = rows[0]["at"] if rows else 0, v["sql"]
                want = v.get("output")
            else:
                start = v.get("env", {}).get("now_ms", 1700006400000)
                rows, sql, want = [{"at": start, "stream": "demo", "row": v["row"], "meta": v.get("meta", {})}], f"SELECT {v['expr']} AS r FROM demo", None
            d.call("POST", "/$test/clock", {"hold": start})
            rule = None
            try:
                name = re.search(r"(?i)\bfrom\s+(\w+)", sql).group(1)
                for r in rows:
                    r["stream"] = name
                self.setup(d, [f'CREATE STREAM {name} () WITH (DATASOURCE="{name}", TYPE="memory", FORMAT="json")'])
                rule, got = self.refused(d, v, sql, dict(v.get("options") or {}, sendError=True), [{"$collect": {"sendSingle": False}}])
                if got is not None:
                    return None if v.get("parse_error") == got else (v.get("parse_error", v.get("expect", want)), {"refused": got})
                if "parse_error" in v:
                    return v["parse_error"], "accepted"
                status, body = d.call("POST", "/$test/play", {"rule": rule, "start": 0, "input": rows, "until": start + 1000})
                out = [e["rows"] for e in json.loads(body)]
                if kind == "rule":
                    return None if same(norm(want), norm(out)) else (want, out)
                if not out or not out[0]:
                    return v.get("expect", v.get("error")), out
                row = out[0][0]
                if "error" in v:
                    text = row.get("error", row)
                    return None if isinstance(text, str) and (text.endswith(v["error"]) or v.get("error_match") in ("loose", "any")) else (v["error"], text)
                return None if same(norm(v["expect"]), norm(row.get("r"))) else (v["expect"], row)
            finally:
                if rule:
                    d.call("DELETE", f"/rules/{rule}")
                self.clear(d)
        return f"kind {kind}", "there is no runner for this kind yet"

    @staticmethod
    def inflate(v, x):
        import gzip, zlib
        if not isinstance(x, tuple) or x[0] != "bytes":
            return x
        raw = base64.b64decode(x[1])
        method = v["args"][1] if len(v["args"]) > 1 else "gzip"
        try:
            return {"gzip": gzip.decompress, "zlib": zlib.decompress, "flate": lambda b: zlib.decompress(b, -15)}[method](raw)
        except (KeyError, zlib.error, OSError):
            return x

    def transcript(self, v):
        start = f"{HERE}/daemon-wrapper {self.args.build} {{rest_port}} {{push_port}} {{cli_port}} {{prom_port}} {{dir}}"
        cli = f"{HERE}/kuiper-wrapper {self.args.build} {{cli_port}} {{rest_port}} {{dir}}"
        a = argparse.Namespace(start=start, url=None, cli=cli, var={}, upstream=False, only=None, build=["default", "full"], mode=None)
        report = replay_rest.replay(v, a)
        return None if report is None else ("as in the transcript", report)


def kind_of(v):
    if "fn" in v:
        return "function"
    if v.get("area", "").startswith("transform/"):
        return "transform"
    if "base" in v or v.get("defs") or ("steps" in v and v["steps"] and "sql" in v["steps"][0]) or str(v.get("area", "")).split("/")[0] in ("ddl", "base"):
        return "statement"
    if "streams" in v:
        return "rule"
    if "steps" in v and str(v.get("area", "")).startswith("connect-"):
        return "connect"
    if "steps" in v and "db" not in v:
        return "transcript"
    if "upstream" in v and "defect" in v and "area" in v:
        return "statement"
    return "none"


def area_of(v, file):
    if "fn" in v:
        return f"functions/{v.get('kind') or 'call'}"
    stem = os.path.basename(file).rsplit(".", 1)[0]
    return f"{stem}/{v.get('area') or v.get('kind') or v.get('db') or '-'}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+", metavar="FILE")
    p.add_argument("--build", default=os.path.join(HERE, "../../build/release"), help="folder with sluiced and sluice")
    p.add_argument("--only", help="shell pattern of ids or areas")
    p.add_argument("--failures", type=int, default=10, metavar="N", help="differences to show (default 10)")
    p.add_argument("--json", action="store_true", help="an object a vector instead of text")
    p.add_argument("--require", metavar="FILE", help="run only the areas that this file lists (one pattern a line)")
    p.add_argument("-j", type=int, default=2, help="vectors at a time")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    sanitizers = Sanitizers()
    required = [l.split("#")[0].strip() for l in open(args.require)] if args.require else None
    todo = []
    for f in args.files:
        base = None
        for line in open(f, encoding="utf-8"):
            v = json.loads(line)
            area = area_of(v, f)
            if "base" in v:
                base = v["base"]
            elif args.only and not fnmatch.fnmatch(v["id"], args.only) and not fnmatch.fnmatch(area, args.only):
                continue
            elif required is not None and not any(r and (fnmatch.fnmatch(area, r) or fnmatch.fnmatch(v["id"], r)) for r in required):
                continue
            todo.append((v, area, base))
    local, runners, lock = threading.local(), [], threading.Lock()

    def one(item):
        v, area, base = item
        if not hasattr(local, "runner"):
            local.runner = Runner(args)
            with lock:
                runners.append(local.runner)
        r = local.runner
        r.base = base
        kind = kind_of(v)
        try:
            fn = {"function": r.function, "rule": r.rule, "statement": r.statement, "transform": r.transform, "transcript": r.transcript}.get(kind)
            found = fn(v) if fn else ("a runner for this kind", "there is none yet")
        except Exception as e:
            found = ("an answer", f"{type(e).__name__}: {e}")
        return v, area, kind, found

    totals, shown = collections.OrderedDict(), 0
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(1, args.j)) as pool:
        for v, area, kind, found in pool.map(one, todo):
            t = totals.setdefault(area.rsplit("/", 1)[0] if area.count("/") > 1 else area, [0, 0])
            t[1 if found else 0] += 1
            passed, failed = passed + (not found), failed + bool(found)
            if args.json:
                o = {"id": v["id"], "kind": kind, "area": area, "result": "fail" if found else "pass"}
                if found:
                    o["expected"], o["got"] = found
                print(json.dumps(o), flush=True)
            elif found and shown < args.failures:
                shown += 1
                what = v.get("sql") or v.get("expr") or v.get("fn") or v.get("title") or ""
                print(f"FAIL {v['id']} ({area}) {what}\n  expected {json.dumps(found[0], ensure_ascii=False)[:1500]}\n  got      "
                      f"{(found[1] if isinstance(found[1], str) else json.dumps(found[1], ensure_ascii=False))[:1500]}", flush=True)
    for r in runners:
        r.close()
    count, reports = sanitizers.reports()
    for text in Daemon.ended + reports[:10]:
        print(text.rstrip()[:6000], file=sys.stderr if args.json else sys.stdout)
    if Daemon.ended or reports:
        failed += len(Daemon.ended) + len(reports)
        print(f"FAIL the daemons' ends: {len(Daemon.ended)} ended badly, {count} sanitizer reports of {len(reports)} kinds",
              file=sys.stderr if args.json else sys.stdout)
    if not args.json:
        width = max([len(a) for a in totals] or [4])
        for a, (ok, bad) in totals.items():
            print(f"{a:<{width}}  {ok:>5} passed  {bad:>5} failed")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
