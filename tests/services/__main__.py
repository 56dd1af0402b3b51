"""`python -m tests.services [pytest options]`: runs pytest with a PostgreSQL of its own as the test database.

First the service tests, then everything else once more on PostgreSQL.
"""

import os
import subprocess
import sys

from tests.services.processes import PostgreSQL


def main() -> int:
    options = sys.argv[1:]
    postgresql = PostgreSQL()
    env = {**os.environ, "RCS_TEST_DATABASE": postgresql.url}
    try:
        runs = [["-m", "services"], ["-m", "not services"]] if not options else [options]
        return max(
            subprocess.run([sys.executable, "-m", "pytest", *run], env=env, check=False).returncode
            for run in runs
        )
    finally:
        postgresql.close()


if __name__ == "__main__":
    sys.exit(main())
