"""`python -m tests.services [pytest options]`: runs pytest with a PostgreSQL of its own as the test database.

First the service tests, then everything else once more on PostgreSQL.
"""

import os
import subprocess
import sys

from tests.services.processes import PostgreSQL

# No database, or one of their own: to run them once more would only take time.
ELSEWHERE = [
    *("tests/backends", "tests/capabilities", "tests/conf", "tests/content", "tests/emulator", "tests/quiet"),
    *("tests/acceptance/test_demo.py", "tests/acceptance/test_everything_shows.py"),
    "tests/acceptance/test_wire_requests.py",
]


def main() -> int:
    options = sys.argv[1:]
    postgresql = PostgreSQL()
    env = {**os.environ, "RCS_TEST_DATABASE": postgresql.url}
    try:
        rest = ["-m", "not services", *(f"--ignore={path}" for path in ELSEWHERE)]
        runs = [options] if options else [["-m", "services"], rest]
        return max(
            subprocess.run([sys.executable, "-m", "pytest", *run], env=env, check=False).returncode
            for run in runs
        )
    finally:
        postgresql.close()


if __name__ == "__main__":
    sys.exit(main())
