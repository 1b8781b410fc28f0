"""Nothing that the broker took is lost: not when the daemon is killed, not when it is stopped, not when the broker goes away."""
import losing


def test_killed():
    r = losing.interrupt(5, losing.sigkill, seed=1)
    assert r["messages"] > 500, r


def test_stopped():
    r = losing.interrupt(3, losing.sigterm, seed=2)
    assert r["messages"] > 500, r
    assert r["duplicates"] == 0, "a graceful end lets what is in flight settle: %s" % r


def test_broker_away():
    r = losing.interrupt(3, losing.broker_restart, seed=3)
    assert r["messages"] > 300, r


def test_killed_batching():
    """batchSize and lingerInterval: a batch that waits for company is not settled."""
    r = losing.interrupt(3, losing.sigkill, seed=4, batchSize=7, lingerInterval=20)
    assert r["messages"] > 300, r


def test_killed_named_connection():
    """What the broker kept comes before the rule has subscribed: it waits for it."""
    r = losing.interrupt(4, losing.sigkill, seed=5, selector=True)
    assert r["messages"] > 400, r


def test_stopped_named_connection():
    """The subscription stays at the broker while the daemon is away, and what was under way is not acknowledged."""
    r = losing.interrupt(3, losing.sigterm, seed=6, selector=True)
    assert r["messages"] > 300, r


def test_rule_restarted_named_connection():
    """The connection lives on while the rule is away for a moment."""
    r = losing.interrupt(6, losing.rule_restart, seed=7, rate=3000, selector=True)
    assert r["messages"] > 300, r


def test_broker_away_qos2():
    """Brokers end a connection that has too much of QoS 2 under way."""
    r = losing.interrupt(3, losing.broker_restart, seed=8, qos=2)
    assert r["messages"] > 300, r


def test_killed_qos2_named_connection():
    r = losing.interrupt(3, losing.sigkill, seed=9, qos=2, selector=True)
    assert r["messages"] > 300, r
