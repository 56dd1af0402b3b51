"""The scripts of faults/ run to their end on a small scale. `make faults` measures whether they meet their goals."""

import subprocess
import sys

import pytest

from tests.services.processes import HERE

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("command", "figures"),
    [
        (
            "outage --seconds 2 --codes 6 --orders 6 --patience 2 --how refuse",
            ["codes sent after the pause began, p99", "lost", "doubled"],
        ),
        (
            "campaign --seconds 2 --promotions 100 --patience 2 --hanging",
            ["longest time without a sweep", "STOPs until they are recorded, p99", "busiest second"],
        ),
        (
            "kill --messages 200 --providers google --what child --patience 2",
            ["next accept after", "in review, and never left", "doubled"],
        ),
    ],
    ids=["outage", "campaign", "kill"],
)
def test_a_script_measures(command: str, figures: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faults", *command.split()],
        cwd=HERE, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    assert all(figure in done.stdout for figure in figures), done.stdout + done.stderr
    for row in done.stdout.splitlines():
        assert "MISSED" not in row or not {"lost", "doubled"} & set(row.split()), done.stdout
