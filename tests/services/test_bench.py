"""The bench runs from end to end; its figures are for people, on a quiet machine."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.services
def test_the_bench_measures_every_row() -> None:
    command = [sys.executable, "-m", "bench", "--scale", "0.005", "--pairs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[0].split()[0] for line in done.stdout.splitlines()[1:]] == [
        "drain",
        "drain",
        "enqueue",
    ]
