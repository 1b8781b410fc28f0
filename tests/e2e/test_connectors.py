"""The connector kit: one suite that every connector passes, against real peers. A connector is one row of SOURCES or SINKS in kit_rows.py.
Links in between are cut, slowed and taken away; every property is given a wrong type. test_properties.py uses each property."""
import atexit, json, shutil, tempfile, time
import pytest
from kit import wait
from kit_conn import tables
from kit_rows import *


def life(w, rig):
    try:
        rig.through(1)
        w.d.ask("POST", "/rules/%s/stop" % rig.name)
        assert w.d.status(rig.name)["status"] == "stopped"
        w.d.ask("POST", "/rules/%s/start" % rig.name)
        w.d.running(rig.name)
        rig.through(2)
        w.d.ask("POST", "/rules/%s/restart" % rig.name)
        w.d.running(rig.name)
        rig.through(3)
    finally:
        rig.close()
    assert w.d.call("GET", "/rules/" + rig.name)[0] == 404


@pytest.mark.parametrize("row", SOURCES, ids=ids)
def test_source_life(w, row):
    life(w, SourceRig(w, row))


@pytest.mark.parametrize("row", SINKS, ids=ids)
def test_sink_life(w, row):
    life(w, SinkRig(w, row))


linked = lambda rows: [r for r in rows if r not in (FileSource, MemorySource, SimulatorSource, FileSink, MemorySink, LogSink, NopSink)]


@pytest.mark.parametrize("row", linked(SOURCES), ids=ids)
def test_source_peer(w, row):
    """Away at the start, there, lost in the middle, back, slow."""
    rig = SourceRig(w, row, away=True)
    try:
        assert rig.status()["status"] == "running"
        rig.row.link.up()
        rig.through(1)
        rig.row.link.down()
        time.sleep(0.05)
        assert rig.status()["status"] == "running"
        rig.row.link.up()
        rig.through(2)
        rig.row.link.cut()
        rig.through(3)
        rig.row.link.slow = True
        rig.through(4)
        assert rig.status()["status"] == "running"
    finally:
        rig.close()


@pytest.mark.parametrize("row", linked(SINKS), ids=ids)
def test_sink_peer(w, row):
    """What a sink was given while its peer was away waits for it; nothing is lost silently: the ledger closes."""
    rig = SinkRig(w, row, away=True)
    waits = not hasattr(rig.row, "ready")
    try:
        if waits:
            rig.feed(*range(1, 6))
        assert rig.status()["status"] == "running"
        rig.row.link.up()
        if waits:
            rig.has(*range(1, 6))
        rig.through(10)
        rig.row.link.down()
        time.sleep(0.05)
        if waits:
            rig.feed(*range(11, 20))
        rig.row.link.up()
        if waits:
            rig.has(*range(11, 20))
        rig.through(20)
        rig.row.link.slow = True
        rig.through(21)
        if waits:
            rig.feed(*range(22, 30))
            rig.has(*range(22, 30))
        rig.row.link.slow = False
        wait(lambda: "an empty buffer: %s" % rig.status(), 10, lambda: rig.node("_buffer_length") == 0)
    finally:
        rig.close()


def test_file_source_folder_gone(w):
    """A folder that is away is refused at the start; files that vanish or cannot be read are counted and the others are read."""
    d = w.d
    name = d.fresh("k")
    d.create(name, "file", "nosuch", {"path": "/nonexistent"})
    status, text = d.call("POST", "/rules", {"id": name, "sql": "SELECT * FROM " + name, "actions": [{"nop": {}}]})
    if status == 201:  # the rule is kept and says why it does not run
        wait("the reason", 10, lambda: "not exist" in d.status(name).get("message", ""))
    else:
        assert status == 400 and "not exist" in text
    d.drop(name)


# ---- bad configuration: every property with a wrong type ----
WRONG = {"text": 5, "integer": "x", "boolean": "yes", "duration": "10 parsecs", "list of text": "a", "number": "x"}
EMPTY = tempfile.mkdtemp(prefix="sluice-empty.")
atexit.register(shutil.rmtree, EMPTY, True)
GOOD = {  # what makes the rest of the properties right
    ("mqtt", "source"): ("t", {"server": "tcp://127.0.0.1:1"}), ("mqtt", "sink"): {"server": "tcp://127.0.0.1:1", "topic": "t"},
    ("httppush", "source"): ("/bad", {}), ("httppull", "source"): ("/", {"url": "http://127.0.0.1:1"}),
    ("file", "source"): ("", {"path": EMPTY}), ("file", "sink"): {"path": "/tmp/sluice-kit-none"},
    ("memory", "source"): ("t", {}), ("memory", "sink"): {"topic": "t"}, ("simulator", "source"): ("", {"data": [{"a": 1}]}),
    ("rest", "sink"): {"url": "http://127.0.0.1:1", "method": "post"}, ("log", "sink"): {}, ("nop", "sink"): {},
    ("websocket", "source"): ("/bad", {}), ("websocket", "sink"): {"path": "/bad"}, ("sse", "sink"): {"endpoint": "/bad"},
}
WRONG_JSON = {"headers": 5, "formData": {"a": 1}, "properties": {"a": 1}, "oauth": "x", "states": 5, "data": "x", "requestHeader": {"a": "b"}}
REFUSED = {"parallel": True, "decrypt": {"algorithm": "aes"}, "tls": "default", "renegotiationSupport": "once", "rollingHook": "x", "rollingHookProps": {"a": 1}}


@pytest.mark.parametrize("key", sorted(GOOD), ids=lambda k: "%s-%s" % k)
def test_bad_properties(w, key):
    type_, side = key
    good = GOOD[key]
    ask = (lambda p: try_source(w, type_, good[0], dict(good[1], **p))) if side == "source" else (lambda p: try_sink(w, type_, dict(good, **p)))
    s, text = ask({})
    assert s == 201, text
    s, text = ask({"noSuchProperty": 1})
    assert s == 201, "an unknown property is no error, as upstream: " + text
    for name, (kind, _) in tables().get(key, {}).items():
        if (key, name) == (("file", "source"), "delimiter"):
            continue  # always that of the stream's option
        if kind == "refused":
            s, text = ask({name: REFUSED[name]})
            assert s == 400 and "'%s' is not supported" % name in text, (name, s, text)
            continue
        wrong = WRONG_JSON[name] if kind == "JSON" else WRONG[kind]
        s, text = ask({name: wrong})
        assert s == 400 and name.lower() in text.lower(), "%s given %r: %d %s" % (name, wrong, s, text)
        s, text = ask({name: None})  # as if it were absent
        assert s in (201, 400) and "unconvertible" not in text, (name, text)
        if s == 400:
            assert name in good or (side == "source" and name in good[1]), (name, text)


@pytest.mark.parametrize("side", ["source", "sink"])
def test_bad_common_properties(w, side):
    rows = tables()["every", side]
    assert len(rows) > 8
    for name, (kind, _) in rows.items():
        if kind == "JSON":
            continue
        wrong = {name: WRONG[kind]}
        s, text = try_source(w, "mqtt", "t", dict({"server": "tcp://127.0.0.1:1"}, **wrong)) if side == "source" else try_sink(w, "mqtt", dict({"server": "tcp://127.0.0.1:1", "topic": "t"}, **wrong))
        assert s == 400 and name.lower() in text.lower(), "%s given %r: %d %s" % (name, wrong[name], s, text)


def test_bad_combinations(w):
    """Texts that people see when a combination is wrong."""
    for type_, ds, props, why in [
        ("mqtt", "", {"server": "tcp://h:1"}, "topic is required"),
        ("mqtt", "a", {"server": ""}, "missing server property"),
        ("mqtt", "a/#/b", {"server": "tcp://h:1"}, "a/#/b"),
        ("mqtt", "a", {"server": "tcp://h:1", "protocolVersion": "2"}, "unsupported protocol version 2"),
        ("mqtt", "a", {"server": "tcp://h:1", "protocolVersion": "5", "enableClientSession": True}, "missing client state path"),
        ("mqtt", "a", {"server": "udp://h:1"}, "scheme udp is not known"),
        ("mqtt", "a", {"server": "tcp://h:1", "decompression": "rar"}, "unsupported decompressor: rar"),
        ("mqtt", "a", {"server": "tcp://h:1", "interval": "10us"}, "interval should be larger than 1ms"),
        ("mqtt", "a", {"server": "tcp://h:1", "interval": 10, "mergeField": "a", "merger": "b"}, "mergeField and merger cannot set together"),
        ("mqtt", "a", {"server": "tcp://h:1", "interval": 10, "mergeField": "a", "payloadFormat": "json", "payloadField": "b"}, "do not support rate limit merge together with payloadFormat"),
        ("mqtt", "a", {"server": "tcp://h:1", "merger": "b"}, "merger is set but rate limit is not required"),
        ("mqtt", "a", {"server": "tcp://h:1", "interval": 10, "merger": "b"}, "merger b not found"),
        ("mqtt", "a", {"server": "tcp://h:1", "payloadField": "b"}, "payloadFormat is missing"),
        ("mqtt", "a", {"server": "tcp://h:1", "payloadFormat": "xml", "payloadField": "b"}, "format type xml not supported"),
        ("mqtt", "a", {"server": "tcp://h:1", "sendInterval": 10}, "sendInterval"),
        ("memory", "a", {"interval": 10}, "interval"),
        ("httppush", "bad", {}, "must start with /"),
        ("httppush", "/bad", {"method": "PATCH"}, "PATCH"),
        ("httppull", "/", {"url": "gopher://h"}, "gopher://h"),
        ("httppull", "/", {"url": "http://h", "method": "BREW"}, "Not supported HTTP method BREW"),
        ("httppull", "/", {"url": "http://h", "bodyType": "odd"}, "odd"),
        ("httppull", "/", {"url": "http://h", "oauth": {}}, "access"),
        ("file", "", {"path": EMPTY, "actionAfterRead": 7}, "invalid actionAfterRead: 7"),
        ("file", "", {"path": EMPTY, "actionAfterRead": 2, "moveTo": ""}, "moveTo"),
        ("file", "", {"path": EMPTY, "fileType": "csv", "decompression": "gzip"}, "decompression is not supported for csv file type"),
        ("file", "", {"path": EMPTY, "fileType": "parquet"}, "parquet"),
        ("memory", "", {}, "topic is required"),
        ("websocket", "bad", {}, "must start with /"),
        ("websocket", "/a", {"addr": "nohost"}, "nohost"),
        ("nosuch", "a", {}, "source type nosuch not found"),
    ]:
        s, text = try_source(w, type_, ds, props)
        assert s == 400 and why in text, "%s %r %s: %d %s" % (type_, ds, props, s, text)
    for type_, props, why in [
        ("mqtt", {"server": "tcp://h:1"}, "mqtt sink is missing property topic"),
        ("mqtt", {"server": "tcp://h:1", "topic": "a/+"}, "shouldn't contain # or +"),
        ("mqtt", {"server": "tcp://h:1", "topic": "a", "qos": 3}, "invalid qos value 3"),
        ("rest", {"url": "http://h", "method": "PATCH"}, "Not supported HTTP method PATCH"),
        ("rest", {"url": "h"}, "url"),
        ("rest", {"url": "http://h", "method": "post", "bodyType": "form"}, "format must be urlencoded if bodyType is form"),
        ("rest", {"url": "http://h", "method": "post", "compression": "rar"}, "unsupported compressor: rar"),
        ("file", {"path": "/tmp/x", "fileType": "odd"}, "fileType must be one of json, csv or lines"),
        ("file", {"path": "/tmp/x", "fileType": "csv"}, "format must be delimited when fileType is csv"),
        ("file", {"path": "/tmp/x", "rollingCount": 0}, "one of rollingInterval"),
        ("memory", {"topic": "a/#"}, "wildcard"),
        ("memory", {"topic": "a", "rowkindField": "k"}, "keyField"),
        ("memory", {}, "topic is required"),
        ("websocket", {"path": "a"}, "must start with /"),
        ("log", {"batchSize": -1}, "invalid batchSize -1"),
        ("log", {"fields": ["a"], "excludeFields": ["b"]}, "cannot both be set"),
        ("log", {"format": "xml"}, "format type xml not supported"),
        ("nosuch", {}, "sink nosuch is not defined"),
    ]:
        s, text = try_sink(w, type_, props)
        assert s == 400 and why in text, "%s %s: %d %s" % (type_, props, s, text)
