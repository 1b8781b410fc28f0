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
