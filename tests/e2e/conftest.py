"""What the sanitizers of a build say in any process of a test is a failure, also where the test would not notice."""
import os, shutil, tempfile
import pytest

REPORTS = tempfile.mkdtemp(prefix="sluice-sanitizers-")
for name in ("ASAN", "UBSAN", "TSAN", "LSAN"):
    old = os.environ.get(name + "_OPTIONS", "")
    os.environ[name + "_OPTIONS"] = f"{old}:log_path={REPORTS}/{name.lower()}".lstrip(":")


def pytest_sessionfinish(session, exitstatus):
    for f in sorted(os.listdir(REPORTS))[:10]:
        print(f"\n{f}:\n{open(os.path.join(REPORTS, f), errors='replace').read()[:6000]}")
        session.exitstatus = 1
    shutil.rmtree(REPORTS, ignore_errors=True)


@pytest.fixture(scope="session")
def w():
    """The world of the connector tests: one daemon, one broker, one web server."""
    from kit_rows import World
    world = World()
    yield world
    world.close()
