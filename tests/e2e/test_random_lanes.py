"""Random statements (tests/random) in the real daemon, with one lane and with two: on whichever lane a rule lands, and whether its streams are shared or
not, the output is the same, frame by frame. What is compared here is the daemon around the statements: decoding, flows, letters between lanes, the
clock; forms of execution, batch sizes and moved state are compared by tests/random itself."""
import json, re, subprocess
import pytest
from kit import BUILD, Daemon

START = 1700006400000
OPTIONS = {"event_time": "isEventTime", "send_error": "sendError", "send_nil": "sendNilField"}


def marked(v):
    """Values of the generator's notation in that of the test door."""
    if isinstance(v, float):
        return {"$type": "float", "value": v}
    if isinstance(v, list):
        return [marked(x) for x in v]
    if isinstance(v, dict):
        if "$time" in v:
            return {"$type": "datetime", "ms": v["$time"], "tz": v["zone"]}
        return {k: marked(x) for k, x in v.items()}
    return v


def case(seed):
    """(definitions, statement, options, rows, until) or None when it needs what a rule cannot have from outside."""
    text = subprocess.run([BUILD + "/random_test_random", "--show", str(seed)], check=True, capture_output=True).stdout.decode()
    defs, rows, options, sql, until, at, frames, decoded = [], [], {}, None, 0, 0, 0, False
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "define":
            defs.append(rest.replace(") WITH (", ') WITH (TYPE="memory", ', 1) if "TYPE=" not in rest else rest)
        elif word == "sql":
            sql = rest
        elif word == "options":
            options = {OPTIONS[w]: True for w in rest.split() if w in OPTIONS}
            options["lateTolerance"] = int(re.search(r"late=(\d+)", rest).group(1))
            strategy = {"enableIncrementalWindow": "incremental" in rest, "disableAliasRefCal": "disable_alias_ref" in rest, "windowOption": {"enableSendSlidingWindowTwice": "sliding_twice" in rest}}
            if "window_v2" in rest:
                strategy["windowOption"]["windowVersion"] = "v2"
            options["planOptimizeStrategy"] = strategy
            if "ignore_case" in rest or "jumping" in rest or "send_meta" in rest:
                return None  # the daemon's, the way a test runs, or refused by some
            decoded = " json" in rest
        elif word == "zone" and rest != "UTC":
            return None  # the daemon's, not a rule's
        elif word == "row":
            when, name, row = rest.split(" ", 2)
            at = at if when == "+" else int(when)
            row = json.loads(row)
            item = {"at": at, "stream": name, "row": marked(row[0] if isinstance(row, list) else row)}
            if isinstance(row, list):
                item["meta"] = marked(row[1])
            rows.append(item)
        elif word == "until":
            until = int(rest)
        elif word == "#" and " frames" in rest:
            if rest.startswith("0 frames") or "the same" not in rest:
                return None
            frames = 0 if decoded else int(rest.split()[0])  # rows of a memory topic are not decoded
    if any("STRICT_VALIDATION" in d for d in defs):
        frames = 0  # the library alone does not check
    if any('KIND="lookup"' in d for d in defs) or "rule_" in sql or "tstamp" in sql or "meta(" in sql:
        return None  # tables of the memory connector are one for all rules; ids and starts differ on purpose
    return defs, sql, options, rows, until, frames


def output(d, number, c, shared):
    defs, sql, options, rows, until, _ = c
    d.ask("POST", "/$test/clock", {"hold": START})
    rule = "r%d" % number
    try:
        for x in defs:
            d.ask("POST", "/streams", {"sql": x.replace(") WITH (", ') WITH (SHARED="true", ', 1) if shared and "CREATE STREAM" in x else x})
        status, text = d.call("POST", "/rules", {"id": rule, "sql": sql, "actions": [{"$collect": {"sendSingle": False}}], "options": options})
        if status >= 300:
            return re.sub(r"r\d+", "", text)
        return d.ask("POST", "/$test/play", {"rule": rule, "start": START, "until": until, "input": rows}, timeout=60)
    finally:
        d.call("DELETE", "/rules/" + rule)
        for kind in ("streams", "tables"):
            for name in d.ask("GET", "/" + kind):
                d.call("DELETE", "/%s/%s?force=true" % (kind, name))


@pytest.fixture(scope="module")
def daemons():
    both = [Daemon(args=["--test", "--lanes", n]).start() for n in ("1", "2")]
    yield both
    for d in both:
        d.stop()
        d.close()


def test_one_lane_and_two(daemons):
    one, two = daemons
    compared = frames = number = 0
    for seed in range(5000, 5200):
        c = case(seed)
        if not c:
            continue
        want = output(one, 0, c, False)
        assert not c[5] or len(want) == c[5], "seed %d: %d frames, %d of the library alone: %s" % (seed, len(want), c[5], c[1])
        for shared in (False, False, True):  # twice, because rules take lanes in turn
            number += 1
            got = output(two, number, c, shared)
            assert got == want, "seed %d%s: %s\n%s\n%s" % (seed, " shared" if shared else "", c[1], json.dumps(want)[:3000], json.dumps(got)[:3000])
        compared += 1
        frames += len(want)
    assert compared > 30 and frames > 200, (compared, frames)
