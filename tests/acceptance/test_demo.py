"""`manage.py demo` as people start it: it plays its story, and when a step does not happen it says which.

Each test starts a process and plays most of the story, which takes seconds: they are part of `make services-test`.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from example_project.phones import Emulator, Phone
from tests.services.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60  # seconds: what the demo promises
STEPS = [
    "Google verifies the shop's webhook",
    "Maria's order ships: a card by RCS",
    "Maria taps “Track”",
    "Jaan's phone has no RCS: he gets an SMS",
    "Jaan answers “1”",
    "Kati is in a plane when her code is sent",
    "Maria says STOP",
    "The books agree",
]
pytestmark = pytest.mark.services
# The command as manage.py runs it, after `{sabotage}` was done to its world.
SABOTAGED = """
import sys
import django
django.setup()
from django.core.management import execute_from_command_line
from example_project import shop, stage, story

story.DEADLINE = 2.0
def told_wrongly(change, settings=stage.emulator_settings):
    def changed(name, url):
        value = settings(name, url)
        change(value)
        return value
    stage.emulator_settings = changed
def before(step, action):
    def played(self, play=getattr(story.Story, step)):
        action(self)
        play(self)
    setattr(story.Story, step, played)
def skip(step):
    setattr(story.Story, step, lambda self: None)
{sabotage}
execute_from_command_line(["manage.py", "demo", "--once", "--port", "0"])
"""


def environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("RCS_", "CELERY_"))}
    return {**ours, "DJANGO_SETTINGS_MODULE": "example_project.settings", "PYTHONUTF8": "1"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=LIMIT
    )


def titles(output: str, steps: list[str] = STEPS) -> list[str]:
    return [line for line in output.splitlines() if line in steps]


@pytest.mark.parametrize(
    ("backend", "first"),
    [
        ([], [STEPS[0]]),
        pytest.param(["--backend", "gsma"], ["The MaaP platform verifies the shop's webhook"]),
        pytest.param(["--backend", "messente"], []),
        pytest.param(["--backend", "rest"], []),
    ],
    ids=["google", "gsma", "messente", "rest"],
)
def test_the_story_is_played_and_every_step_is_seen(backend, first):
    done = run("manage.py", "demo", "--once", "--port", "0", *backend)
    assert done.returncode == 0, done.stdout + done.stderr
    assert titles(done.stdout, first + STEPS) == [*first, *STEPS[1:]]
    assert "Every step was seen" in done.stdout
    assert done.stderr == ""


TRACK_IS_UNKNOWN = "shop.Track.prefix = 'trace_'"


def test_a_step_that_does_not_happen_is_named():
    stops_at(STEPS[2], TRACK_IS_UNKNOWN)


@pytest.mark.parametrize(
    ("sabotage", "step"),
    [
        ("told_wrongly(lambda s: s['google']['agents']['acme'].update(client_token='other'))", STEPS[0]),
        ("before('card', lambda s: s.emulator.post('faults/', {'on': 'webhook', 'kind': 'lost'}))", STEPS[1]),
        ("told_wrongly(lambda s: s['kannel'].update(users={'tester': 'other'}))", STEPS[3]),
        ("told_wrongly(lambda s: s['kannel'].update(mo_url=''))", STEPS[4]),
        ("told_wrongly(lambda s: s['google'].update(expiry='neither', revoke='lost_race'))", STEPS[5]),
        (
            "skip('expiry')\nfrom rcs_router.people import consent\nconsent.refused = lambda *asked: set()",
            STEPS[6],
        ),
        (
            "skip('expiry')\nbefore('books', lambda s: story.Message.objects.filter(direction='out').first().delete())",
            STEPS[7],
        ),
    ],
)
def test_any_step_that_does_not_happen_is_named(sabotage, step):
    stops_at(step, sabotage)


def stops_at(step: str, sabotage: str) -> None:
    done = run("-c", SABOTAGED.format(sabotage=sabotage))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"The story stopped at: {step}: not seen after" in done.stderr
    assert titles(done.stdout)[-1] == step
    assert "Every step was seen" not in done.stdout


def test_an_error_in_a_step_is_named_too():
    done = run(
        "-c", SABOTAGED.format(sabotage="before('webhook', lambda s: s.maria.does('tap', suggestion='?'))")
    )
    assert done.returncode == 1
    assert f"The story stopped at: {STEPS[0]}: EmulatorRefused: " in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_named():
    with taken_port() as port:
        done = run("manage.py", "demo", "--once", "--port", str(port))
    assert done.returncode == 1
    assert f"Cannot listen on port {port}" in done.stderr
    assert "--port N" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo, when it serves, and its address."""
    command = [sys.executable, "-u", "manage.py", "demo", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        try:
            assert demo.stdout is not None
            yield (
                demo,
                next(found[0] for line in demo.stdout if (found := re.search(r"http://[\d.:]+", line))),
            )
        finally:
            demo.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_without_a_story_it_serves_phones_and_admin_until_it_is_told_to_end(number):
    with serving("--no-story") as (demo, url):
        session = requests.Session()
        phones = session.get(f"{url}/emulator/handsets/", timeout=10).json()["handsets"]
        found = [(phone["name"], phone["rcs"]) for phone in phones]
        assert found == [("Maria", True), ("Jaan", False), ("Kati", True)]
        assert 'href="/emulator/"' in session.get(f"{url}/", timeout=10).text
        login = session.get(f"{url}/admin/login/", timeout=10)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', login.text)
        assert token
        form = {"username": "admin", "password": "admin", "csrfmiddlewaretoken": token[1]}
        inside = session.post(f"{url}/admin/login/?next=/admin/rcs_router/message/", data=form, timeout=10)
        assert inside.status_code == 200
        assert inside.url.endswith("/admin/rcs_router/message/")
        demo.send_signal(number)
        said, complaints = demo.communicate(timeout=20)
    assert (demo.returncode, complaints) == (0, "")
    assert "Good bye." in said


# What a phone does, the kinds of the shop's answers, a part of the last; in this order, as one conversation.
Turn = tuple[dict[str, Any], list[str], str]
RCS: list[Turn] = [  # after the story, whose last message to Maria is the card of an order
    ({"action": "tap", "suggestion": "Keep"}, ["text", "file"], "receipt.pdf"),
    ({"action": "tap", "suggestion": "Return"}, ["text"], "Where to?"),
    ({"action": "tap", "suggestion": "Save the date"}, [], ""),
    ({"action": "tap", "suggestion": "Fetch it here"}, ["text"], "come to 59.4370, 24.7536"),
    ({"action": "text", "text": "menu"}, ["carousel"], "Trail boots"),
    ({"action": "tap", "suggestion": "Tell me more"}, ["card"], "129 EUR"),
    ({"action": "tap", "suggestion": "Buy"}, [], ""),
    ({"action": "text", "text": "MENU Tent"}, ["card"], "249 EUR"),
    ({"action": "text", "text": "menu submarine"}, ["carousel"], "Trail boots"),
    ({"action": "text", "text": "help"}, ["text"], "MENU shows"),
    ({"action": "tap", "suggestion": "Call us"}, [], ""),
    ({"action": "tap", "suggestion": "Our shop"}, [], ""),
    ({"action": "tap", "suggestion": "Parcel machines"}, [], ""),
    ({"action": "text", "text": "fitting"}, ["text"], "Choose a day"),
    ({"action": "text", "text": "mumble"}, ["text"], "Sorry, we did not get that."),
]
SMS: list[Turn] = [  # the story's last option is "Track": the answer to "return" is a label, not a number
    ({"action": "text", "text": "return"}, ["text"], "1) Fetch it here"),
    ({"action": "text", "text": "1"}, ["text"], "tell us the address"),
    ({"action": "text", "text": "menu"}, ["text"], "3) Tell me more"),
    ({"action": "text", "text": "3"}, ["text"], "Tent for two"),
    ({"action": "text", "text": "mumble"}, ["text"], "Sorry, we did not get that."),
]


def test_the_shop_answers_whatever_customers_say_and_tap_after_the_story():
    with serving() as (_, url):
        emulator = Emulator(f"{url}/emulator/")
        handsets = {h["name"]: h["number"] for h in emulator.get("handsets/")["handsets"]}
        for name, conversation in {"Maria": RCS, "Jaan": SMS}.items():
            talk(Phone(emulator, handsets[name], name), conversation)
        wait_until(lambda: states(emulator) == {"delivered"}, "every webhook to be taken", 10)


def states(emulator: Emulator) -> set[str]:
    return {webhook["state"] for webhook in emulator.get("ledger/")["webhooks"]}


def talk(phone: Phone, conversation: list[Turn]) -> None:
    seen = len(phone.shows())
    for action, kinds, part in conversation:
        phone.does(**action)
        answers = shown(phone, seen + len(kinds))[seen:]
        seen += len(kinds)
        assert [answer["kind"] for answer in answers] == kinds, f"{action}: {answers}"
        assert part in str(answers[-1:]), f"{action}: {answers}"


def shown(phone: Phone, count: int) -> list[Any]:
    """What the phone shows when it shows so many, or too many, or the time is up."""
    until = time.monotonic() + 10
    while len(found := phone.shows()) < count and time.monotonic() < until:
        time.sleep(0.05)
    return found


# However it ends: one sentence at most, and never a traceback.


def started(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    """The demo with its output in pipes, as people start it: Python itself is left to buffer what it prints."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    command = [sys.executable, "manage.py", "demo", "--port", "0", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment() | more, **pipes)  # type: ignore[call-overload,no-any-return]


def read_until(demo: subprocess.Popen[str], line: str) -> None:
    assert demo.stdout is not None
    assert any(line in one for one in demo.stdout), f"{line!r} was not printed"


@pytest.mark.parametrize(
    ("number", "line", "times"),
    [
        (signal.SIGTERM, STEPS[1], 1),
        (signal.SIGINT, STEPS[1], 2),
        (signal.SIGTERM, STEPS[5], 2),
        (signal.SIGINT, "Every step was seen", 1),
        (signal.SIGTERM, "Every step was seen", 2),
    ],
)
def test_interrupted_it_ends_with_one_sentence(number: signal.Signals, line: str, times: int) -> None:
    """What it has printed is in the pipe at once, which is how the test knows when to interrupt it."""
    with started("--once") as demo:
        read_until(demo, line)
        for _ in range(times):
            demo.send_signal(number)
        _, complaints = demo.communicate(timeout=LIMIT)
    assert complaints in {"", "CommandError: Interrupted.\n"}
    assert (demo.returncode == 1) is (complaints != "") or line == "Every step was seen"


@pytest.mark.parametrize("line", [STEPS[0], STEPS[2], STEPS[7]])
def test_when_nobody_reads_on_it_ends_without_a_word(line: str) -> None:
    with started("--once") as demo:
        read_until(demo, line)
        assert demo.stdout is not None
        demo.stdout.close()
        assert demo.stderr is not None
        complaints = demo.stderr.read()
        assert demo.wait(timeout=LIMIT) == 1
    assert complaints == ""


def test_without_any_output_it_plays_all_the_same() -> None:
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" manage.py demo --once --port 0 >&-', sys.executable],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_settings_own_backends_may_be_wrong() -> None:
    """The demo has backends of its own: a key file that does not exist yet is none of its business."""
    with started("--once", "--backend", "google", GOOGLE_SERVICE_ACCOUNT="/nowhere/key.json") as demo:
        told, complaints = demo.communicate(timeout=LIMIT)
    assert (demo.returncode, complaints) == (0, "")
    assert titles(told) == STEPS
    assert "Every step was seen" in told


def test_a_router_app_of_the_shop_that_is_broken_is_named() -> None:
    done = run("-c", SABOTAGED.format(sabotage="del shop.Keep"))
    assert done.returncode == 1
    assert "example_project.shop.Keep" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("sabotage", "sentence"),
    [
        ("stage.server.start = lambda port: 1 / 0", "The demo has failed: ZeroDivisionError"),
        (
            "def no(*a, **k):\n    raise PermissionError(13, 'no')\nstage.tempfile.TemporaryDirectory = no",
            "PermissionError",
        ),
    ],
)
def test_whatever_fails_is_one_sentence(sabotage: str, sentence: str) -> None:
    done = run("-c", SABOTAGED.format(sabotage=sabotage))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "Cannot listen" not in done.stderr


def test_nothing_works_on_the_database_that_is_removed() -> None:
    """A tick that has begun when the story ends is waited for, however long it takes."""
    slow = """
from rcs_router import sweep
def slowly(run=sweep.run, began=[]):
    import time
    def slow(*given):
        time.sleep(0.7)
        return run(*given)
    return slow
sweep.run = slowly()
"""
    done = run("-c", SABOTAGED.format(sabotage=slow + "skip('expiry')\nskip('books')"))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_emulator_starts_before_its_key_file_exists_and_prints_into_a_pipe() -> None:
    keyless = {"GOOGLE_SERVICE_ACCOUNT": "/nowhere/key.json", "RCS_PROVIDER": "google"}
    with subprocess.Popen(
        [sys.executable, "manage.py", "emulator", "--port", "0"],
        cwd=ROOT,
        env=environment() | keyless,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as emulator:
        try:
            assert emulator.stdout is not None
            line = next(line for line in emulator.stdout if "service-account.json" in line)
            found = re.search(r"http://\S+", line)
            assert found
            assert requests.get(found[0], timeout=10).json()["type"] == "service_account"
        finally:
            emulator.send_signal(signal.SIGINT)
            _, complaints = emulator.communicate(timeout=LIMIT)
    assert complaints == ""
