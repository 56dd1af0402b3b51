"""A number's clock: old names of zones, machines that have no zones, and numbers that tell no country."""

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rcs_router.people import quiet

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)

# Another process, whose system has the zones that are named only, and whose TIME_ZONE is far from everywhere else.
SCRIPT = """
import json, os, sys, tempfile, zoneinfo
folder = tempfile.mkdtemp()
for name in sys.argv[1].split():
    os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
    with zoneinfo._common.load_tzdata(name) as source, open(os.path.join(folder, name), "wb") as file:
        file.write(source.read())
zoneinfo.reset_tzpath(to=[folder])
from datetime import UTC, datetime
from django.conf import settings
settings.configure(USE_TZ=True, TIME_ZONE="Pacific/Kiritimati")
from rcs_router.people.quiet import zones_of
noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
print(json.dumps([[noon.astimezone(zone).strftime("%H:%M") for zone in zones_of(who)] for who in sys.argv[2:]]))
"""

CLOCKS = [
    ("+37255501234", "14:00"),
    ("+919876543210", "17:30"),  # phonenumbers says Asia/Calcutta
    ("+9779841234567", "17:45"),  # Asia/Katmandu
    ("+84912345678", "19:00"),  # Asia/Saigon, or Ho_Chi_Minh
    ("+380501234567", "14:00"),  # Europe/Kiev, or Kyiv
    ("+2917123456", "15:00"),  # Africa/Asmera
    ("+959212345678", "18:30"),  # Asia/Rangoon, or Yangon
    ("+2389911234", "11:00"),
]


def clocks(numbers: list[str]) -> list[str]:
    return [
        "/".join(sorted({NOON.astimezone(zone).strftime("%H:%M") for zone in quiet.zones_of(n)}))
        for n in numbers
    ]


@pytest.mark.parametrize(("number", "clock"), CLOCKS)
def test_a_number_s_clock(number: str, clock: str) -> None:
    assert clocks([number]) == [clock]


@pytest.mark.parametrize("system", ["", "Europe/Tallinn UTC", "Europe/Tallinn Asia/Kolkata Asia/Kathmandu"])
def test_the_system_s_zones_are_not_needed(system: str) -> None:
    """Without the names, or without any zones at all, as in a small image."""
    numbers = [number for number, _ in CLOCKS]
    environ = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-c", SCRIPT, system, *numbers]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environ, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == [[clock] for _, clock in CLOCKS]


def test_tzdata_is_declared() -> None:
    setup = (ROOT / "setup.cfg").read_text()
    required = setup.partition("install_requires =")[2].partition("\n\n")[0]
    assert "tzdata" in required


@pytest.fixture
def nothing_said() -> None:
    quiet._say_default.cache_clear()
    quiet._zone.cache_clear()


@pytest.mark.usefixtures("nothing_said")
@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ("anonymous-token", "tokens and short codes"),
        ("12345", "tokens and short codes"),
        ("", "tokens and short codes"),
        ("+80012345678", "numbers that begin with +800"),
        ("+883510012345", "numbers that begin with +883"),
        ("+88213300000", "numbers that begin with +882"),
    ],
)
def test_what_tells_no_country_goes_by_time_zone_and_is_named_once(
    settings: Any, caplog: pytest.LogCaptureFixture, identity: str, words: str
) -> None:
    settings.TIME_ZONE = "Pacific/Honolulu"
    with caplog.at_level(logging.WARNING, "rcs_router"):
        assert quiet.zones_of(identity) == quiet.zones_of(identity) == [ZoneInfo("Pacific/Honolulu")]
    assert [record.getMessage() for record in caplog.records] == [
        f"quiet hours of {words} go by TIME_ZONE: their time zone is not known"
    ]


@pytest.mark.parametrize("number", ["+37255501", "+9191", "+84912"])
def test_a_number_of_no_known_kind_goes_by_its_country(caplog: pytest.LogCaptureFixture, number: str) -> None:
    usual = {"+372": "14:00", "+919": "17:30", "+849": "19:00"}
    assert clocks([number]) == [usual[number[:4]]]
    assert caplog.records == []


@pytest.mark.usefixtures("nothing_said")
def test_a_zone_that_is_missing_everywhere_is_an_error_in_the_log(
    settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TIME_ZONE = "Pacific/Honolulu"
    monkeypatch.setattr(quiet, "_names", lambda identity: ("Atlantis/Capital",))
    assert quiet.zones_of("+37255501234") == quiet.zones_of("+37255501234") == [ZoneInfo("Pacific/Honolulu")]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "Atlantis/Capital" in caplog.text
    assert "55501234" not in caplog.text
