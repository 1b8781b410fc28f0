"""A rule that is stuck and a rule that fails do not disturb the others on their shared stream."""
import neighbours


def test_neighbours():
    alone = neighbours.run(200, 1500, 1000, bad=False)
    r = neighbours.run(200, 1500, 1000, bad=True)
    assert r["seconds"] < alone["seconds"] * 1.5 + 1, (alone, r)
    assert r["cpu"] < alone["cpu"] * 1.5 + 1, (alone, r)
    assert r["grown_kb"] < alone["grown_kb"] + 8192, (alone, r)
