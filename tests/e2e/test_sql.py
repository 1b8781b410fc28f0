"""`sluice sql`: scripts, and the prompt on a pseudo terminal: history, completion, several lines, Ctrl-C, other scripts' letters, small
screens, a daemon that goes away."""
import codecs, fcntl, json, os, re, select, shutil, signal, stat, struct, subprocess, tempfile, termios, time, unicodedata
import pytest
from kit import BUILD, Daemon, wait

SIM = 'CREATE STREAM sim (name STRING, v BIGINT, `größe` FLOAT) WITH (TYPE="simulator", EXTRA="{\\"interval\\":\\"20ms\\",\\"loop\\":true,\\"data\\":[{\\"name\\":\\"x\\",\\"v\\":1,\\"größe\\":1.5},{\\"name\\":\\"длинный\\",\\"v\\":22,\\"größe\\":2.5}]}")'


@pytest.fixture(scope="module")
def d():
    d = Daemon().start()
    d.ask("POST", "/streams", {"sql": SIM})
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM machines (id BIGINT, `odd name` STRING) WITH (TYPE="memory", DATASOURCE="m", FORMAT="json")'})
    d.ask("POST", "/tables", {"sql": 'CREATE TABLE names (id BIGINT, label STRING) WITH (TYPE="memory", DATASOURCE="n", KIND="lookup", KEY="id")'})
    yield d
    d.close()


def sql(d, *args, code=0, stdin=None, env=None):
    r = subprocess.run([BUILD + "/sluice", "--url", "http://127.0.0.1:%d" % d.port, "sql", *args], capture_output=True, text=True, timeout=60, input=stdin, env=env)
    assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
    return r


def trials(d):
    """A SELECT that ended leaves nothing: no rule."""
    return [r["id"] for r in d.ask("GET", "/rules")]


def test_scripts(d):
    r = sql(d, "-e", "SELECT name, v FROM sim; SELECT v FROM sim WHERE v > 1;", "--count", "2")
    rows = [json.loads(x) for x in r.stdout.split("\n")[:-1]]
    assert [x["v"] for x in rows[:2]] in ([1, 22], [22, 1]) and rows[2:] == [{"v": 22}] * 2
    assert trials(d) == []
    # statements of a pipe, one over several lines, comments, the last without ;
    r = sql(d, "--count", "1", stdin="-- first\nCREATE STREAM piped () WITH\n  (TYPE=\"memory\", DATASOURCE=\"p\");\nSELECT v\nFROM sim\nWHERE v > 1;DESCRIBE STREAM piped;\n\\d piped\nDROP STREAM piped")
    assert "Stream piped is created." in r.stdout and '{"v":22}\n' in r.stdout and r.stdout.count("DATASOURCE: p") == 2 and "Stream piped is dropped." in r.stdout, r.stdout
    # the first error ends it
    r = sql(d, "--count", "1", code=1, stdin="SELECT nosuch( FROM sim;\nSELECT v FROM sim;\n")
    assert r.stdout == "" and "function nosuch not found" in r.stderr and "line 1, column 8" in r.stderr and "^" in r.stderr
    assert sql(d, "-e", "DROP STREAM nosuch; SHOW STREAMS", code=1).stdout == ""
    assert sql(d, "-e", "\\nonsense", code=1)
    # what the client has verbs for
    assert "sim" in sql(d, "-e", "show streams").stdout
    assert [s["name"] for s in json.loads(sql(d, "--json", "-e", "SHOW STREAMS;").stdout)] == ["sim", "machines"]
    assert "avg(x number)" in sql(d, "-e", "DESCRIBE FUNCTION avg").stdout
    assert "simulator" in sql(d, "-e", "EXPLAIN SELECT v FROM sim").stdout
    assert "No rule" in sql(d, "-e", "show rules").stdout
    # limits
    began = time.monotonic()
    assert sql(d, "-e", "SELECT v FROM sim WHERE v > 1", "--for", "500ms").stdout.startswith('{"v":22}\n')
    assert time.monotonic() - began < 10
    r = sql(d, "-e", "SELECT v FROM sim WHERE v > 100", "--for", "300ms", "--count", "5", code=1)
    assert r.stdout == "" and "0 of 5 results came" in r.stderr
    assert sql(d, "-e", "SELECT v FROM sim WHERE v > 100", "--for=300ms").stdout == ""
    for bad in (["-e"], ["--count", "many"], ["--count", "0"], ["--for", "long"], ["--fast"], ["SELECT 1"]):
        assert "usage:" in sql(d, *bad, code=2).stderr
    # Ctrl-C in a script ends it
    p = subprocess.Popen([BUILD + "/sluice", "--url", "http://127.0.0.1:%d" % d.port, "sql", "-e", "SELECT v FROM sim; SELECT name FROM sim"], stdout=subprocess.PIPE, text=True)
    assert json.loads(p.stdout.readline())["v"]
    p.send_signal(signal.SIGINT)
    assert '"name"' not in p.communicate(timeout=20)[0] and p.returncode == 130
    assert trials(d) == []


def test_two_at_once(d):
    """Results of one do not end with those of the other."""
    ps = [subprocess.Popen([BUILD + "/sluice", "--url", "http://127.0.0.1:%d" % d.port, *v, "SELECT v FROM sim"], stdout=subprocess.PIPE, text=True)
          for v in (["sql", "-e"], ["sql", "-e"], ["query"], ["query"])]
    try:
        for round in range(10):
            for p in ps:
                assert json.loads(p.stdout.readline())["v"] in (1, 22)
        ps[0].send_signal(signal.SIGINT)
        ps[0].communicate(timeout=20)
        for round in range(20):
            for p in ps[1:]:
                assert json.loads(p.stdout.readline())["v"] in (1, 22)
    finally:
        for p in ps:
            p.send_signal(signal.SIGINT)
        for p in ps:
            p.communicate(timeout=20)


class Screen:
    """What a terminal shows: as much of xterm as a line editor uses, with no end at its top."""

    def __init__(self, cols):
        self.cols, self.rows, self.y, self.x, self.rest = cols, [[]], 0, 0, ""

    def put(self, ch):
        w = 2 if unicodedata.east_asian_width(ch) in "WF" else 1
        if self.x + w > self.cols:
            self.line_feed()
            self.x = 0
        row = self.rows[self.y]
        row += [" "] * (self.x + w - len(row))
        row[self.x] = ch
        if w == 2:
            row[self.x + 1] = ""
        self.x += w

    def line_feed(self):
        self.y += 1
        if self.y == len(self.rows):
            self.rows.append([])

    def sequence(self, args, letter):
        n = int(args.split(";")[0] or 0) if re.fullmatch(r"[0-9;]*", args) else 0
        row = self.rows[self.y]
        if letter == "C":
            self.x = min(self.x + (n or 1), self.cols - 1)
        elif letter == "D":
            self.x = max(self.x - (n or 1), 0)
        elif letter == "A":
            self.y = max(self.y - (n or 1), 0)
        elif letter == "B":
            for _ in range(n or 1):
                self.line_feed()
        elif letter == "G":
            self.x = (n or 1) - 1
        elif letter == "K":
            del row[self.x:]
        elif letter == "J":
            del row[self.x:], self.rows[self.y + 1:]
        elif letter == "P":
            del row[self.x:self.x + (n or 1)]
        elif letter == "@":
            row += [" "] * (self.x - len(row))
            row[self.x:self.x] = [" "] * (n or 1)
            del row[self.cols:]

    def feed(self, text):
        text = self.rest + text
        self.rest, at = "", 0
        while at < len(text):
            ch = text[at]
            if ch == "\x1b":
                m = re.compile(r"\x1b(?:\[([0-9;?>]*)([@-~])|[()][0-9A-Za-z]|[=>78M])").match(text, at)
                if not m:
                    self.rest = text[at:]
                    return
                at = m.end()
                if m.group(2):
                    self.sequence(m.group(1), m.group(2))
                continue
            at += 1
            if ch == "\r":
                self.x = 0
            elif ch == "\n":
                self.line_feed()
            elif ch == "\b":
                self.x = max(self.x - 1, 0)
            elif ch == "\t":
                self.x = min(self.x // 8 * 8 + 8, self.cols - 1)
            elif ch >= " ":
                self.put(ch)

    def text(self, from_):
        lines = ["".join(r).rstrip() for r in self.rows[from_:]]
        if self.y >= from_:  # up to the cursor blanks count
            lines[self.y - from_] = lines[self.y - from_].ljust(min(self.x, self.cols - 1) - sum(c == "" for c in self.rows[self.y]))
        return "\n".join(lines)


class Terminal:
    """The prompt on a terminal of ours."""

    def __init__(self, d, state, cols=100, env=None, args=()):
        e = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "LC_CTYPE", "SLUICE_TOKEN")}
        e = dict(e, TERM="xterm", XDG_STATE_HOME=state, SLUICE_URL="http://127.0.0.1:%d" % d.port, SL_MODULES=BUILD + "/modules", HOME=state)
        e.update(env or {})
        size = struct.pack("HHHH", 24, cols, 0, 0)
        self.pid, self.fd = os.forkpty()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                os.execve(e.get("SLUICE", BUILD + "/sluice"), ["sluice", "sql", *args], e)
            finally:
                os._exit(127)
        self.screen, self.decode, self.mark = Screen(cols), codecs.getincrementaldecoder("utf-8")("replace").decode, 0

    def resize(self, cols):
        self.screen.cols = cols
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, cols, 0, 0))

    def pump(self, seconds=0.05):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                part = os.read(self.fd, 65536)
            except OSError:
                part = b""
            self.screen.feed(self.decode(part))
            return bool(part)
        return True

    def wait(self, pattern, seconds=15):
        """Waits until the screen, from where the last thing was typed, fits a pattern; what it shows then."""
        end = time.monotonic() + seconds
        while True:
            t = self.screen.text(self.mark)
            if re.search(pattern, t, re.S):
                return t
            alive = self.pump()
            assert alive and time.monotonic() < end, "no %r in %r" % (pattern, t[-1500:])

    def type(self, keys):
        self.mark = self.screen.y
        os.write(self.fd, keys.encode())

    def ask(self, keys, pattern, seconds=15):
        self.type(keys)
        return self.wait(pattern, seconds)

    def leave(self):
        self.type("\x04")
        end = time.monotonic() + 20
        while self.pump() and time.monotonic() < end:
            pass
        if time.monotonic() > end:
            os.kill(self.pid, signal.SIGKILL)
        got = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return got


@pytest.fixture
def state():
    s = tempfile.mkdtemp(prefix="sluice-state.")
    yield s
    shutil.rmtree(s)


PROMPT = r"(?:^|(?<=\n))sluice> $"


def test_prompt(d, state):
    t = Terminal(d, state)
    t.wait(PROMPT)
    # results until Ctrl-C, which ends them and not the prompt
    t.ask("SELECT name, v FROM sim;\n", r"name +v\n.*длинный +22\n.*длинный +22\n")
    out = t.ask("\x03", r"\(\d+ rows\)\n.*" + PROMPT)
    assert trials(d) == []
    # Enter where it is whole; several lines where it is not
    t.ask("SELECT v\n", "     -> $")
    t.ask("FROM sim\n", r"v\n.*22\n")
    t.ask("\x03", PROMPT)
    t.ask("SELECT v FROM\n", "     -> $")
    t.ask("\x03", PROMPT)  # forgotten
    t.ask("SHOW STREAMS\n", r"NAME .*sim.*machines.*" + PROMPT)
    # an empty line runs what is there
    t.ask("SELECT v FROM (\n", "     -> $")
    t.ask("\n", "sluice: .*\\^.*" + PROMPT)
    # errors: the place, advice, and the prompt goes on
    t.ask("SELECT nam FROM nosuch\n", r"nosuch.*\^~+.*" + PROMPT)
    # a pasted text of several lines is not run line by line
    out = t.ask("SELECT v\nFROM sim\nWHERE v > 1\nAND v < 30;\n", r"v\n22\n22\n")
    assert "\n1 \n" not in out and "\n1\n" not in out
    t.ask("\x03", PROMPT)
    # commands
    t.ask("\\timing\n", "timing is on\n.*" + PROMPT)
    t.ask("SHOW TABLES\n", r"names.*\(0\.\d+ s\)\n.*" + PROMPT)
    t.ask("\\json\n", "json is on\n.*" + PROMPT)
    t.ask("SELECT v FROM sim WHERE v > 1\n", r'\{"v":22\}\n')
    t.ask("\x03", PROMPT)
    t.ask("\\json off\n", "json is off\n.*" + PROMPT)
    t.ask("\\d\n", "Streams:.*machines.*Tables:.*names.*Rules:.*" + PROMPT)
    t.ask("\\d machines\n", r"odd name\s+string.*" + PROMPT)
    t.ask("\\d names\n", r"label\s+string.*" + PROMPT)
    t.ask("\\d nosuch\n", r"nosuch.*" + PROMPT)
    t.ask("\\help\n", r"Ctrl-C.*\\timing.*" + PROMPT)
    t.ask("\\help select\n", r"GROUP BY.*" + PROMPT)
    t.ask("\\help round\n", r"round\(.*" + PROMPT)
    t.ask("\\what\n", r"no such command.*" + PROMPT)
    t.ask('CREATE STREAM mine () WITH (TYPE="memory",\n', "     -> $")
    t.ask('DATASOURCE="x")\n', "Stream mine is created.*" + PROMPT)
    t.ask("drop stream mine\n", "Stream mine is dropped.*" + PROMPT)
    assert t.leave() == 0


def test_history(d, state):
    t = Terminal(d, state)
    t.wait(PROMPT)
    t.ask("SHOW STREAMS;\n", PROMPT)
    t.ask("SELECT v\n", "->")
    t.ask("FROM nosuch;\n", PROMPT)
    t.ask("\x1b[A", "SELECT v FROM nosuch;")
    t.ask("\x1b[A", "SHOW STREAMS;")
    t.ask("\n", r"machines.*" + PROMPT)
    assert t.leave() == 0
    path = state + "/sluice/history"
    assert open(path).read() == "SHOW STREAMS;\nSELECT v FROM nosuch;\nSHOW STREAMS;\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(state + "/sluice").st_mode) == 0o700
    # the next session knows; Ctrl-R finds
    t = Terminal(d, state)
    t.wait(PROMPT)
    t.ask("\x12nosu", "SELECT v FROM nosuch;")
    t.ask("\n", r"sluice: .*" + PROMPT)
    t.leave()
    # no longer than a thousand statements once it is large
    with open(path, "w") as f:
        f.writelines("SELECT %d, %s FROM x;\n" % (i, "y" * 300) for i in range(3000))
    t = Terminal(d, state)
    t.wait(PROMPT)
    t.leave()
    lines = open(path).read().split("\n")
    assert len(lines) == 1001 and lines[0].startswith("SELECT 2000,") and lines[999].startswith("SELECT 2999,")
    # without a place for it there is none
    t = Terminal(d, "/proc/nowhere")
    t.wait(PROMPT)
    t.ask("SHOW STREAMS;\n", r"machines.*" + PROMPT)
    assert t.leave() == 0


def test_completion(d, state):
    t = Terminal(d, state)
    t.wait(PROMPT)

    def tab(text, pattern):
        t.ask(text + "\t", pattern)
        t.ask("\x03", PROMPT)

    tab("SEL", "SEL.*ECT $")
    tab("sel", "sel.*ect $")
    tab("SELECT * FROM mach", "mach.*ines $")
    tab("SELECT * FROM sim WHERE na", "na.*me$")
    tab("select sim.", r"select sim\..*gr.*name +v\n")
    tab("SELECT * FROM sim AS s INNER JOIN names AS n ON n.la", "la.*bel$")
    tab("SELECT * FROM machines WHERE od", "`odd name`$")
    tab("SELECT form", "form.*at_time.?\\(|form.*at")
    tab("SELECT format_t", r"format_time\(t datetime, pattern string\) -> string.*format_time\($")
    tab("SELECT format_time(", r"format_time\(t datetime, pattern string\) -> string")
    tab("SELECT * FROM ", r"machines +names +sim\n")
    tab("SELECT * FROM sim ", r"GROUP BY .*WHERE")
    tab("SELECT count(*) FROM sim GROUP BY tum", r"blingwindow\($|TUMBLINGWINDOW\($")
    tab("SELECT count(*) FROM sim GROUP BY TUMBLINGWINDOW(m", r"mi +ms\n")
    tab("DESCRIBE ", r"FUNCTION +RULE +STREAM +TABLE")
    tab("DROP TABLE n", r"n.*ames$")
    tab('CREATE STREAM x () WITH (DATAS', r'DATAS.*OURCE="$')
    tab('CREATE STREAM x () WITH (TYPE="simu', r'simu.*lator"$')
    tab('CREATE STREAM x () WITH (FORMAT="', r"delimited +json|json.*delimited")
    tab("\\ti", "ti.*ming $")
    # sources behind the cursor count: FROM was typed first
    t.type(" FROM sim\x01SELECT gr\t")
    t.wait(r"`größe`")
    t.ask("\x03", PROMPT)
    tab("SELECT * FROM sim WHERE `gr", "`gr.*öße`$")
    tab("SELECT zzz", "\a|zzz$")
    # a stream without declared columns: those that were seen
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM loose () WITH (TYPE="simulator", EXTRA="{\\"interval\\":\\"20ms\\",\\"loop\\":true,\\"data\\":[{\\"pressure\\":5}]}")'})
    tab("SELECT * FROM loose WHERE press", "press$")
    t.ask("SELECT * FROM loose;\n", "pressure\n5\n")
    t.ask("\x03", PROMPT)
    tab("SELECT * FROM loose WHERE press", "pressure$")
    tab("SELECT * FROM loose WHERE loose.press", "pressure$")
    d.ask("DELETE", "/streams/loose")
    # on the second line of a statement the first counts
    t.ask("SELECT *\n", "->")
    t.ask("FROM sim WHERE na\t", "na.*me$")
    t.ask("\x03", PROMPT)
    # a daemon that is not there: words
    assert t.leave() == 0


def test_letters_and_small_screens(d, state):
    for cols in (100, 30, 12):
        t = Terminal(d, state, cols=cols)
        t.wait(PROMPT)
        # letters of two, three bytes, changed in the middle
        t.type('SELECT "жзи日本" AS a FROM sim WHERE `größe` > 2' + "\x1b[D" * 37 + "\x7f" + "X" + "\x05\n")
        t.wait(r"\na *\n.*日.*\n")  # its head; the typed line is wrapped on a small screen
        t.ask("\x03", PROMPT)
        line = open(state + "/sluice/history").read().split("\n")[-2]
        assert line.startswith('SELECT "') and line.endswith("WHERE `größe` > 2") and "X" in line and "日本" in line, line
        t.ask("SELECT name, v, `größe`, \"much to show\" AS words FROM sim WHERE v > 1\n", r"name.*v.*größe.*words.*much to show.*\n" if cols == 100 else r"-- 1 --\ngröße +2.5\nname +дл.*words +much.*-- 2 --")
        t.ask("\x03", PROMPT)
        # completion in a line that does not fit
        t.ask("SELECT name, v, v, v, v, v, v, v, v, v FROM mach\t", "ines")
        t.ask("\x03", PROMPT)
        t.resize(cols + 20)
        t.ask("SHOW STREAMS;\n", r"machines.*" + PROMPT)
        assert t.leave() == 0


def test_a_daemon_that_goes_away(state):
    d = Daemon().start()
    try:
        d.ask("POST", "/streams", {"sql": SIM})
        t = Terminal(d, state)
        t.wait(PROMPT)
        t.ask("SELECT v FROM sim\n", r"v\n.*22\n")
        d.kill()
        t.wait(r"(daemon ended the results|cannot reach).*" + PROMPT)
        t.ask("SHOW STREAMS\n", "cannot reach the daemon.*" + PROMPT)
        t.ask("SEL\t", "SEL.*ECT $")
        t.ask(" * FROM s\t", "s$")
        t.ask("\x03", PROMPT)
        d.start()
        t.ask("SELECT v FROM sim\n", r"v\n.*22\n")
        t.ask("\x03", r"rows\)\n.*" + PROMPT)
        assert t.leave() == 0
        d.stop()
        assert "cannot reach" in sql(d, "-e", "SHOW STREAMS", code=1).stderr
    finally:
        d.close()


def test_without_the_editor(d, state):
    shutil.copy(BUILD + "/sluice", state + "/sluice")  # the module is not beside it
    for env in ({"TERM": "dumb"}, {"SL_MODULES": "/nonexistent", "SLUICE": state + "/sluice"}):
        t = Terminal(d, state, env=env)
        t.wait(PROMPT if "TERM" in env else "Without line editing and Tab: .*sl_edit.*" + PROMPT)
        t.ask("SHOW STREAMS;\n", r"machines.*" + PROMPT)
        t.ask("SELECT v\n", r"     -> $")
        t.ask("FROM sim\n", r"v\n.*22\n")
        t.ask("\x03", r"rows\).*" + PROMPT)
        t.ask("half a stat\x03", PROMPT)
        assert t.leave() == 0


def test_long_runs(d):
    """The daemon forgets a trial run after five minutes unless somebody asks for it again; asking does not start it anew."""
    d.ask("POST", "/ruletest", {"id": "long", "sql": "SELECT v FROM sim", "mockSource": {}, "sinkProps": {"sendSingle": True}})
    for _ in range(3):
        assert "started" in d.call("POST", "/ruletest/long/start")[1]
    d.call("DELETE", "/ruletest/long")
    assert d.call("POST", "/ruletest/long/start")[0] == 400
