"""The queries of bench/nexmark on a small set of events, as rows and as JSON, against results computed here from the same events in plain Python."""
import collections, datetime, json, os, re, subprocess
import pytest

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BENCH = os.path.join(os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build/debug")), "bench_nexmark")
EVENTS, RATE, CHUNK, BASE, SPAN, LATE = 20000, 500, 512, 1699988390000, 10000, 1000


def run(*args):
    p = subprocess.run([BENCH, "--events", str(EVENTS), "--rate", str(RATE), *args], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]


class Events:
    def __init__(self):
        self.person, self.auction, self.bid = [], [], []
        for number, e in enumerate(run("--dump")):
            for stream, row in e.items():
                getattr(self, stream).append(dict(row, number=number))


@pytest.fixture(scope="module")
def ev():
    return Events()


# ---- windows: end -> rows, those that the watermark has passed ----
def tumbling(*streams):
    mark = min(max(r["dateTime"] for r in s) for s in streams) - LATE
    out = collections.defaultdict(lambda: tuple([] for _ in streams))
    for i, s in enumerate(streams):
        for r in s:
            out[r["dateTime"] // SPAN * SPAN + SPAN][i].append(r)
    return {end: rows for end, rows in sorted(out.items()) if end <= mark}


def groups(rows, *keys):
    out = {}
    for r in rows:
        out.setdefault(tuple(r[k] for k in keys), []).append(r)
    return out


def day(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%d")


def pick(r, *names):
    return {n: r[n] for n in names}


# ---- the queries ----
def q0(ev):
    return [pick(b, "auction", "bidder", "price", "dateTime", "extra") for b in ev.bid]


def q1(ev):
    return [dict(pick(b, "auction", "bidder", "dateTime", "extra"), price=0.908 * b["price"]) for b in ev.bid]


def q2(ev):
    return [pick(b, "auction", "price") for b in ev.bid if b["auction"] % 123 == 0]


def q3(ev):
    out = []
    for auctions, persons in tumbling(ev.auction, ev.person).values():
        of = {p["id"]: p for p in persons if p["state"] in ("OR", "ID", "CA")}
        out += [dict(pick(of[a["seller"]], "name", "city", "state"), id=a["id"]) for a in auctions if a["category"] == 10 and a["seller"] in of]
    return out


def q4(ev):
    windows = []
    for end, (auctions, bids) in tumbling(ev.auction, ev.bid).items():
        of = groups(bids, "auction")
        best = collections.defaultdict(list)
        for a in auctions:
            prices = [b["price"] for b in of.get((a["id"],), []) if a["dateTime"] <= b["dateTime"] <= a["expires"]]
            if prices:
                best[a["category"]].append(max(prices))
        windows.append((end, best))
    # the second rule's windows hold what the first gave at their beginning
    return [{"category": c, "price": sum(v) // len(v), "ends": end + SPAN} for end, best in windows if end + SPAN <= windows[-1][0] - LATE for c, v in best.items()]


def q5(ev):
    out, mark = [], max(b["dateTime"] for b in ev.bid) - LATE
    for end in range(BASE // 2000 * 2000 + 2000, mark + 1, 2000):
        counts = groups([b for b in ev.bid if end - SPAN <= b["dateTime"] < end], "auction")
        key, best = max(counts.items(), key=lambda g: len(g[1]))
        out.append({"auction": key[0], "num": len(best), "ends": end})
    return out


def q7(ev):
    return [pick(max(bids, key=lambda b: b["price"]), "auction", "price", "bidder", "dateTime", "extra") for (bids,) in tumbling(ev.bid).values()]


def q8(ev):
    out = []
    for end, (persons, auctions) in tumbling(ev.person, ev.auction).items():
        sellers = {a["seller"] for a in auctions}
        out += [dict(pick(p, "id", "name"), starttime=end - SPAN) for p in persons if p["id"] in sellers]
    return out


def q9(ev):
    out = []
    for auctions, bids in tumbling(ev.auction, ev.bid).values():
        of = groups(bids, "auction")
        for a in auctions:
            valid = [b for b in of.get((a["id"],), []) if a["dateTime"] <= b["dateTime"] <= a["expires"]]
            if valid:
                b = min(valid, key=lambda b: (-b["price"], b["dateTime"]))
                out.append(dict({k: v for k, v in a.items() if k != "number"}, **pick(b, "auction", "bidder", "price"), bid_dateTime=b["dateTime"], bid_extra=b["extra"]))
    return out


def q11(ev):
    # never silent: cut at the first tick by which the session is older than 10 s, from there on at the second tick
    out, first, tick = [], ev.bid[0]["dateTime"], BASE // SPAN * SPAN + SPAN
    mark = max(b["dateTime"] for b in ev.bid) - LATE
    while True:
        while tick - first <= SPAN:
            tick += SPAN
        if tick > mark:
            return out
        for (bidder,), rows in groups([b for b in ev.bid if first <= b["dateTime"] < tick], "bidder").items():
            out.append({"bidder": bidder, "bid_count": len(rows), "starttime": first, "endtime": tick})
        first = tick


def q12(ev):
    arrival = lambda number: BASE + number // CHUNK * CHUNK * 1000 // RATE
    out, last = [], arrival(EVENTS - 1)
    for end in range(BASE // SPAN * SPAN + SPAN, last + 1, SPAN):
        for (bidder,), rows in groups([b for b in ev.bid if end - SPAN <= arrival(b["number"]) < end], "bidder").items():
            out.append({"bidder": bidder, "bid_count": len(rows), "starttime": end - SPAN, "endtime": end})
    return out


def q13(ev):
    return [dict(pick(b, "auction", "bidder", "price", "dateTime"), value=f"side-{b['auction'] % 10000}") for b in ev.bid]


def q14(ev):
    out = []
    for b in ev.bid:
        if 1000000 < 0.908 * b["price"] < 50000000:
            hour = b["dateTime"] // 3600000 % 24
            out.append(dict(pick(b, "auction", "bidder", "dateTime", "extra"), euros=0.908 * b["price"], c_counts=b["extra"].count("c"),
                            bidTimeType="dayTime" if 8 <= hour <= 18 else "nightTime" if hour <= 6 or hour >= 20 else "otherTime"))
    assert {r["bidTimeType"] for r in out} == {"dayTime", "otherTime"}
    return out


def statistics(end, bids):
    ranks = [bids] + [[b for b in bids if low <= b["price"] < high] for low, high in ((0, 10000), (10000, 1000000), (1000000, 1 << 60))]
    out = {"day": day(end - SPAN)}
    for what, of in (("bids", len), ("bidders", lambda x: len({b["bidder"] for b in x})), ("auctions", lambda x: len({b["auction"] for b in x}))):
        for name, rows in zip(("total", "rank1", "rank2", "rank3"), ranks):
            out[f"{name}_{what}"] = of(rows)
    return out


def q15(ev):
    return [statistics(end, bids) for end, (bids,) in tumbling(ev.bid).items()]


def q16(ev):
    out = []
    for end, (bids,) in tumbling(ev.bid).items():
        for (channel,), rows in groups(bids, "channel").items():
            minute = max(datetime.datetime.fromtimestamp(b["dateTime"] / 1000, datetime.timezone.utc).strftime("%H:%M") for b in rows)
            out.append(dict(statistics(end, rows), channel=channel, minute=minute))
    return out


def q17(ev):
    out = []
    for end, (bids,) in tumbling(ev.bid).items():
        for (auction,), rows in groups(bids, "auction").items():
            prices = [b["price"] for b in rows]
            out.append(dict({k: v for k, v in statistics(end, rows).items() if k == "day" or k.endswith("_bids")}, auction=auction, min_price=min(prices), max_price=max(prices),
                            avg_price=sum(prices) // len(prices), sum_price=sum(prices)))
    return out


def q18(ev):
    return [pick(rows[-1], "auction", "bidder", "price", "channel", "url", "dateTime", "extra") for (bids,) in tumbling(ev.bid).values() for rows in groups(bids, "bidder", "auction").values()]


def q19(ev):
    out = []
    for (bids,) in tumbling(ev.bid).values():
        for rows in groups(bids, "auction").values():
            best = sorted(rows, key=lambda b: -b["price"])[:10]
            out += [dict({k: v for k, v in b.items() if k != "number"}, rank_number=i + 1) for i, b in enumerate(best)]
    return out


def q20(ev):
    out, of = [], {a["id"]: a for a in ev.auction if a["category"] == 10}
    for b in ev.bid:
        a = of.get(b["auction"])
        if a and a["number"] // CHUNK < b["number"] // CHUNK:  # the table takes the rows of one turn behind it
            out.append(dict(pick(b, "auction", "bidder", "price", "channel", "url", "dateTime", "extra"),
                            **pick(a, "itemName", "description", "initialBid", "reserve", "expires", "seller", "category"), adateTime=a["dateTime"], aextra=a["extra"]))
    return out


def q21(ev):
    out = []
    for b in ev.bid:
        m, known = re.search("(&|^)channel_id=([^&]*)", b["url"]), {"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
        if m or b["channel"].lower() in known:
            out.append(dict(pick(b, "auction", "bidder", "price", "channel"), channel_id=known.get(b["channel"].lower()) or m[2]))
    return out


def q22(ev):
    return [dict(pick(b, "auction", "bidder", "price", "channel"), **{f"dir{i - 2}": b["url"].split("/")[i] for i in (3, 4, 5)}) for b in ev.bid]


QUERIES = {f.__name__: f for f in (q0, q1, q2, q3, q4, q5, q7, q8, q9, q11, q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, q22)}


def comparable(rows):
    return sorted(json.dumps({k: round(float(v), 6) if isinstance(v, (int, float)) else v for k, v in r.items()}, sort_keys=True) for r in rows)


def test_every_file_is_checked():
    files = {f[:-4] for f in os.listdir(os.path.join(ROOT, "bench/nexmark")) if f.startswith("q") and f.endswith(".sql")}
    assert files == set(QUERIES)


@pytest.mark.parametrize("query", QUERIES)
def test_query(ev, query):
    want = comparable(QUERIES[query](ev))
    assert want
    for mode in ([], ["--json"]):
        got = comparable(run("--check", *mode, os.path.join(ROOT, f"bench/nexmark/{query}.sql")))
        assert len(got) == len(want) and got == want


def test_proportions(ev):
    assert (len(ev.person), len(ev.auction), len(ev.bid)) == (EVENTS // 50, EVENTS * 3 // 50, EVENTS * 46 // 50)
    hot = sum(b["auction"] % 100 == 0 for b in ev.bid) / len(ev.bid)
    assert 0.48 < hot < 0.54
    prices = sorted(b["price"] for b in ev.bid)
    assert 80000 < prices[len(prices) // 2] < 125000  # the middle of six decades from 100
    assert 90 < sum(32 + len(b["extra"]) for b in ev.bid) / len(ev.bid) < 110
