"""The main job, as ./dev run --once does it: machine data through a real broker, an SQL rule and back."""
import os, subprocess

ROOT = os.path.join(os.path.dirname(__file__), "../..")
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build/debug"))


def test_demo_once():
    r = subprocess.run([os.path.join(ROOT, "tools/demo"), BUILD, "--once"], text=True, capture_output=True, timeout=120)
    assert r.returncode == 0, r.stdout + r.stderr
    assert "right: 400 messages in, 190 came back" in r.stdout
