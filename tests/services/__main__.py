"""`python -m tests.services [pytest options]`: run pytest with a PostgreSQL of its own as the test database.

Without options it runs the service tests, and then every other test that PostgreSQL may answer differently than SQLite
and all long searches.
"""

import os
import subprocess
import sys

from tests.searches import LONG
from tests.services import on_postgresql
from tests.services.processes import HERE, PostgreSQL

# The service tests wait for their processes most of the time, so more of them run at once than there are cores.
# A worker of pytest has its own database, its own Redis and its own ports.
SIDE_BY_SIDE = ["-n", "4", "--dist", "worksteal"]
ON_ALL_CORES = ["-n", "auto", "--dist", "worksteal"]


def files_with(words: str) -> list[str]:
    """Return the test files that contain `words`, so that pytest need not collect all others."""
    files = sorted((HERE / "tests").rglob("test_*.py"))
    return [str(path.relative_to(HERE)) for path in files if words in path.read_text()]


def main() -> int:
    options = sys.argv[1:]
    postgresql = PostgreSQL(durable=False)
    env = {**os.environ, "RCS_TEST_DATABASE": postgresql.url, LONG: "1"}
    services = ["-m", "services", *SIDE_BY_SIDE, *files_with("mark.services")]
    again = ["-m", "not services", *ON_ALL_CORES, *on_postgresql.ARGUMENTS, *files_with("@given")]
    try:
        return max(
            subprocess.run([sys.executable, "-m", "pytest", *run], env=env, check=False).returncode
            for run in ([options] if options else [services, again])
        )
    finally:
        postgresql.close()


if __name__ == "__main__":
    sys.exit(main())
