"""`python -m faults outage|campaign|kill|all`: cause a fault, and print how the system coped."""

import subprocess
import sys
from argparse import ArgumentParser

from faults import campaign, kill, outage

SCRIPTS = {"outage": outage, "campaign": campaign, "kill": kill}


def main() -> int:
    parser = ArgumentParser(prog="python -m faults", description="Exit code 1 when a goal is missed.")
    commands = parser.add_subparsers(dest="script", required=True)
    for name, script in SCRIPTS.items():
        assert script.__doc__
        script.arguments(commands.add_parser(name, help=script.__doc__, description=script.__doc__))
    commands.add_parser("all", help="Each of them, as large as it is by default.")
    options = parser.parse_args()
    return everything() if options.script == "all" else SCRIPTS[options.script].run(options)


def everything() -> int:
    """Run each script in a process of its own, because each has its own settings."""
    runs = (["outage"], ["campaign"], ["campaign", "--hanging"], ["kill"])
    commands = ([sys.executable, "-m", "faults", *run] for run in runs)
    return max([subprocess.run(command, check=False).returncode for command in commands])


if __name__ == "__main__":
    sys.exit(main())
