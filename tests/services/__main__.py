"""`python -m tests.services [pytest options]`: runs pytest with a PostgreSQL of its own as the test database.

First the service tests, then everything else once more on PostgreSQL.
"""

import os
import subprocess
import sys

from tests.services.processes import PostgreSQL

# No database, one of their own, or another wire before the same database: to run them once more would only take time.
ELSEWHERE = [
    *("tests/backends", "tests/capabilities", "tests/conf", "tests/content", "tests/emulator", "tests/quiet"),
    *("tests/rapidsms_port", "tests/toy", "tests/types"),
    *(
        "tests/field/test_databases.py",
        "tests/field/test_databases_around.py",
    ),  # tests/services has them on PostgreSQL
    *(
        f"tests/acceptance/test_{name}.py"
        for name in ("demo", "every_wire_failures", "everything_shows", "wire_requests")
    ),
]


def main() -> int:
    options = sys.argv[1:]
    postgresql = PostgreSQL()
    env = {**os.environ, "RCS_TEST_DATABASE": postgresql.url}
    try:
        parallel = ["-n", "auto", "--dist", "loadfile"]
        rest = ["-m", "not services", *parallel, *(f"--ignore={path}" for path in ELSEWHERE)]
        runs = [options] if options else [["-m", "services"], rest]
        return max(
            subprocess.run([sys.executable, "-m", "pytest", *run], env=env, check=False).returncode
            for run in runs
        )
    finally:
        postgresql.close()


if __name__ == "__main__":
    sys.exit(main())
