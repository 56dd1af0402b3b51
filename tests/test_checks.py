"""Every wrong setting is named by its own id, all of them at once, and none of them gives a secret away."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, current_app
from django.core import checks

from rcs_router import database as ours
from rcs_router.checks import CHECKS, DEPLOY_CHECKS
from rcs_router.checks.ids import HINTS
from rcs_router.contract import BaseBackend, Capabilities, Options, secret
from rcs_router.errors import ConfigError
from rcs_router.handlers import BaseHandler, KeywordHandler, PatternHandler, PostbackHandler
from rcs_router.phases import RouterApp
from rcs_router.testing import MemoryBackend

HERE = "tests.test_checks"
DOCS = Path(__file__).parent.parent / "docs" / "settings.md"
MEMORY = {"BACKEND": "rcs_router.testing.MemoryBackend"}
GOOD = {"rcs": MEMORY}
DEFAULT = "rcs_router.handlers.DefaultResponse"
PUBLIC = {"PUBLIC_URL": "https://shop.example/rcs/"}
SECRET = "hunter2-hunter2"


@dataclass(frozen=True)
class KeyOptions(Options):
    key: str = secret()
    keys: tuple[str, ...] = secret(default=())
    size: int = 1


class Keyed(BaseBackend):
    """Quotes its secret wherever it can."""

    Options = KeyOptions
    capabilities = Capabilities(content=frozenset())

    def problems(self) -> list[str]:
        return [f"the key {self.options.key} is bad", f"so are {self.options.keys}"]


class Careless(Keyed):
    def problems(self) -> list[str]:
        return []

    def warnings(self) -> list[str]:
        return [f"the key {self.options.key} travels in clear"]


class Unmakeable(Keyed):
    def __init__(self, alias: str, options: Any, **kwargs: Any) -> None:
        raise ConfigError(f"no file {options.key}")


class Crashing(Keyed):
    def problems(self) -> list[str]:
        raise ValueError(f"cannot read {self.options.key}")


class OwnFallback(MemoryBackend):
    capabilities = Capabilities(content=frozenset(), own_fallback=True)


class Deaf(MemoryBackend):
    capabilities = Capabilities(content=frozenset(), webhook=False)


class NeedsArguments(RouterApp):
    def __init__(self, size: int) -> None: ...


class Orders(KeywordHandler):
    keyword = ("order", "Bestellung")


class Bestellung(KeywordHandler):
    keyword = "bestellung"


class Stop(KeywordHandler):
    keyword = "stop"


class Aid(KeywordHandler):
    keyword = ("aid", "Help")


class NoKeyword(KeywordHandler): ...


class NoPrefix(PostbackHandler): ...


class BadPattern(PatternHandler):
    pattern = "(order"


class Product(PostbackHandler):
    prefix = "product_"


class ProductSize(PostbackHandler):
    prefix = "product_size_"


class Sale(KeywordHandler):
    keyword = "sale | ORDER"


class New(KeywordHandler):
    keyword = "new"


class NewOrder(KeywordHandler):
    keyword = "new order|ask"


class StartsWithNew(KeywordHandler):
    keyword = "new( .*)?"


class Order7(KeywordHandler):
    keyword = "order 7"


class Numbered(PatternHandler):
    pattern = r"order (\d+)"


class Anything(PatternHandler):
    pattern = "(.*)"


class Picky(PatternHandler):
    pattern = "(.*)"

    @classmethod
    def dispatch(cls, msg: Any) -> bool:
        return msg.text.endswith("!") and super().dispatch(msg)


class OfRapidSMS(BaseHandler):
    @classmethod
    def dispatch(cls, router: Any, msg: Any) -> bool:  # type: ignore[override]
        return False


class Guesses(RouterApp):
    def default(self, message: Any) -> None: ...


def of(path: str, **options: Any) -> dict[str, Any]:
    return {"rcs": {"BACKEND": f"{HERE}.{path}", "OPTIONS": options}}


def entry(**keys: Any) -> dict[str, Any]:
    return {"rcs": MEMORY | keys, "sms": {"BACKEND": "rcs_router.testing.MemorySMS"}}


BACKENDS: list[tuple[str, Any]] = [
    ("E001", ["acme"]),
    ("E001", None),
    ("E002", {7: MEMORY}),
    ("E002", {"": MEMORY}),
    ("E002", {"a/b": MEMORY}),
    ("E002", {"__class__": MEMORY}),
    ("E002", {"a" * 61: MEMORY}),
    ("E003", {"rcs": "rcs_backends.kannel.Kannel"}),
    ("E004", entry(FALLBACKS=["sms"])),
    ("E005", {"rcs": {"OPTIONS": {}}}),
    ("E005", {"rcs": {"BACKEND": MemoryBackend}}),
    ("E006", {"rcs": {"BACKEND": "no.such.Backend"}}),
    ("E006", {"rcs": {"BACKEND": "rcs_router.testing.NoSuch"}}),
    ("E006", {"rcs": {"BACKEND": "nodots"}}),
    ("E007", {"rcs": {"BACKEND": "rcs_router.testing.MemoryOptions"}}),
    ("E007", {"rcs": {"BACKEND": "rcs_router.testing.RICH"}}),
    ("E008", entry(OPTIONS=["secret"])),
    ("E009", entry(OPTIONS={"secrets": "x"})),
    ("E010", of("Keyed")),
    ("E011", of("Keyed", key=SECRET, size="big")),
    ("E011", of("Keyed", key=7)),
    ("E012", of("Unmakeable", key=SECRET)),
    ("E012", of("Crashing", key=SECRET)),
    ("E013", of("Keyed", key=SECRET, keys=[SECRET])),
    ("W001", of("Careless", key="a", keys=["b"])),
    ("E014", entry(FALLBACK="sms")),
    ("E014", entry(FALLBACK=[1])),
    ("E015", entry(FALLBACK=["smss"])),
    ("E016", entry(FALLBACK=["rcs"])),
    ("E017", entry(FALLBACK=["sms", "sms"])),
    ("E018", entry(RATE="fast")),
    ("E018", entry(RATE="0/s")),
    ("E018", entry(RATE=100)),
    ("E018", entry(RATE="-5/s")),
    ("E019", entry(TRAFFIC="promo")),
    ("E019", entry(TRAFFIC=["promotion"])),
    ("E020", entry(RETRY_DELAYS=[-1])),
    ("E020", entry(RETRY_DELAYS="5")),
    ("E020", entry(RETRY_DELAYS=[float("inf")])),
    ("E021", {**entry(), "rcs": {"BACKEND": f"{HERE}.OwnFallback", "FALLBACK": ["sms"]}}),
    ("E022", entry(OPTIONS={"timeout": 0})),
    ("E023", entry(OPTIONS={"timeout": 88})),
    ("E024", entry(BRAND=None)),
    ("E024", entry(BRAND="x" * 61)),
    ("E026", entry(FALLBACK_AFTER=0)),
    ("E026", entry(FALLBACK_AFTER="15")),
    ("E026", entry(FALLBACK_AFTER={"authentication": -1})),
    ("E026", entry(FALLBACK_AFTER={"spam": 5})),
    ("E027", entry(SILENT_AFTER=0)),
    ("E027", entry(SILENT_AFTER=None)),
    ("E028", entry(OPT_OUT_REPLY=None)),
    ("E028", entry(HELP_REPLY=["bye"])),
    ("E029", entry(OPTIONS={"secret": "memory\n"})),
    ("E029", entry(OPTIONS={"secret": " memory"})),
    ("E025", entry(BRAND="shop", FALLBACK=["sms"])),
]
ROUTER: list[tuple[str, Any]] = [
    ("E101", ["APPS"]),
    ("E102", {"APP": []}),
    ("E102", {7: []}),
    ("E103", {"APPS": "rcs_router.handlers.Echo"}),
    ("E103", {"CLAIM": "many"}),
    ("E103", {"RETRY_DELAYS": 5}),
    ("E103", {"OPT_OUT_REPLY": None}),
    ("E104", {"CLAIM": 0}),
    ("E104", {"THREADS": 0}),
    ("E104", {"SLOTS": -1}),
    ("E104", {"LEASE": 0}),
    ("E104", {"LEASE": float("nan")}),
    ("E104", {"RETRY_DELAYS": [5, -30]}),
    ("E104", {"EXPIRY_GRACE": float("inf")}),
    ("E104", {"PAUSES": []}),
    ("E103", {"MEDIA_TYPES": "image/*"}),
    ("E104", {"MEDIA_MAX_BYTES": 0}),
    ("E104", {"MEDIA_TIMEOUT": 0}),
    ("E116", {"MEDIA_TYPES": ["image/png", "pictures"]}),
    ("E116", {"MEDIA_TYPES": ["image/png; charset=utf-8"]}),
    ("E117", {"MEDIA_STORAGE": "nowhere"}),
    ("E118", {"HEALTH_TOKEN": "monitor\n"}),
    ("W108", {"MEDIA_ALLOW_PRIVATE": True}),
    ("E105", {"APPS": ["shop.rcs.OrdersApp"]}),
    ("E105", {"APPS": ["rcs_router.handlers.NoSuch"]}),
    ("E106", {"APPS": ["rcs_router.testing.MemoryBackend"]}),
    ("E106", {"APPS": ["rcs_router.handlers._BETWEEN"]}),
    ("E107", {"APPS": [f"{HERE}.NeedsArguments"]}),
    ("E108", {"APPS": [f"{HERE}.NoKeyword"]}),
    ("E108", {"APPS": [f"{HERE}.NoPrefix"]}),
    ("E108", {"APPS": [f"{HERE}.BadPattern"]}),
    ("E109", {"DEFAULT_BACKEND": "acme"}),
    ("E110", {"DEFAULT_REGION": "ee"}),
    ("E110", {"DEFAULT_REGION": ""}),
    ("E111", {"PUBLIC_URL": "shop.example/rcs/"}),
    ("E111", {"PUBLIC_URL": "/rcs/"}),
    ("E111", {"PUBLIC_URL": "ftp://shop.example/"}),
    ("E111", {"PUBLIC_URL": "https:///rcs/"}),
    ("E111", {"PUBLIC_URL": "https://[shop/"}),
    ("E111", {"PUBLIC_URL": "https://shop.example/rcs/?a=1"}),
    ("E104", {"CAPS": ["3/d", "10/m"]}),
    ("E104", {"CAPS": ["0/d"]}),
    ("E104", {"CAPS": ["3 / d"]}),
    ("E103", {"CAPS": "3/d"}),
    ("E104", {"QUIET_HOURS": ["21:00"]}),
    ("E104", {"QUIET_HOURS": ["21:00", "08:00", "09:00"]}),
    ("E104", {"QUIET_HOURS": ["24:00", "08:00"]}),
    ("E104", {"QUIET_HOURS": ["08:00", "08:00"]}),
    ("E104", {"QUIET_HOURS": ["9 pm", "8 am"]}),
    ("E112", {"OPT_OUT_WORDS": ["Off"], "OPT_IN_WORDS": ["off"]}),
    ("E119", {"OPT_OUT_WORDS_AFTER_OFFERS": ["enough"]}),
    ("E112", {"OPT_OUT_WORDS": ["arre\u0302t"], "HELP_WORDS": ["ARRÊT!"]}),
    ("E112", {"OPT_IN_WORDS": ["Hello", "hola"], "HELP_WORDS": ["hola"]}),
    ("E113", {"HELP_WORDS": ["help", "?"]}),
    ("W101", {"PUBLIC_URL": ""}),
    ("W102", {"PUBLIC_URL": "http://shop.example/rcs/"}),
    ("W103", {"APPS": [f"{HERE}.Orders", f"{HERE}.Bestellung"]}),
    ("W104", {"APPS": ["rcs_router.handlers.Echo"] * 2}),
    ("W105", {"APPS": [f"{HERE}.Product", f"{HERE}.ProductSize"]}),
    ("E115", {"APPS": [f"{HERE}.OfRapidSMS"]}),
    ("W103", {"APPS": [f"{HERE}.Orders", f"{HERE}.Sale"]}),
    ("W115", {"APPS": [f"{HERE}.New", f"{HERE}.NewOrder"]}),
    ("W115", {"APPS": [f"{HERE}.Anything", f"{HERE}.New"]}),
    ("W115", {"APPS": [f"{HERE}.StartsWithNew", f"{HERE}.NewOrder"]}),
    ("W115", {"APPS": [f"{HERE}.Numbered", f"{HERE}.Order7"]}),
    ("W116", {"APPS": [DEFAULT, f"{HERE}.Guesses"], "DEFAULT_RESPONSE": "Pardon?"}),
    ("W106", {"APPS": [f"{HERE}.Stop"]}),
    ("W106", {"APPS": [f"{HERE}.Aid"], "HELP_REPLY": "Shop: at most 3 offers a week."}),
    ("W107", {"DEFAULT_RESPONSE": "Pardon?"}),
]
FINE: list[tuple[Any, Any]] = [
    ({}, {}),
    ({"rcs": {"BACKEND": f"{HERE}.Deaf"}}, {}),
    (entry(FALLBACK=["sms"], RATE="0.5/m", TRAFFIC="promotion", RETRY_DELAYS=[]), PUBLIC),
    ({"a": MEMORY | {"FALLBACK": ["b"]}, "b": MEMORY | {"FALLBACK": ["a"]}}, PUBLIC),  # two roads, no loop
    (
        GOOD,
        PUBLIC | {"RETRY_DELAYS": [], "RETRY_JITTER": 0, "DEFAULT_BACKEND": "rcs", "DEFAULT_REGION": "EE"},
    ),
    (GOOD, PUBLIC | {"APPS": [f"{HERE}.ProductSize", f"{HERE}.Product", "rcs_router.handlers.Echo"]}),
    (GOOD, PUBLIC | {"DEFAULT_RESPONSE": "Pardon?", "APPS": ("rcs_router.handlers.DefaultResponse",)}),
    (GOOD, PUBLIC | {"APPS": [f"{HERE}.NewOrder", f"{HERE}.New", f"{HERE}.Numbered", f"{HERE}.Anything"]}),
    (GOOD, PUBLIC | {"APPS": [f"{HERE}.Picky", f"{HERE}.New"]}),
    (GOOD, PUBLIC | {"APPS": [f"{HERE}.Guesses", DEFAULT], "DEFAULT_RESPONSE": "Pardon?"}),
    (GOOD, PUBLIC | {"APPS": [DEFAULT, f"{HERE}.New"], "DEFAULT_RESPONSE": "Pardon?"}),
    (GOOD, PUBLIC | {"APPS": [DEFAULT, f"{HERE}.Guesses"]}),
    (GOOD, {"PUBLIC_URL": "http://127.0.0.1:8000/rcs/"}),
    (GOOD, {"PUBLIC_URL": "http://localhost/rcs"}),
    (entry(OPTIONS={"timeout": 87.9}), PUBLIC),
    (entry(BRAND="shop"), PUBLIC),
    ({"a": MEMORY | {"FALLBACK": ["b"], "BRAND": "shop"}, "b": MEMORY | {"BRAND": "shop"}}, PUBLIC),
    (GOOD, PUBLIC | {"CAPS": ["3/d", "10/w"], "QUIET_HOURS": ("21:00", "08:00")}),
    (GOOD, PUBLIC | {"APPS": [f"{HERE}.Aid"]}),
]
SURROUNDINGS = {
    *("E201", "E202", "E203", "E204", "E205", "E206", "E207"),
    *("W109", "W201", "W202", "W203", "W204", "W211"),
}


class Database:
    """As much of a database connection as the check looks at."""

    alias = "default"

    def __init__(self, vendor: str, age: int | None = 0, **options: Any) -> None:
        self.vendor = vendor
        self.settings_dict = {"CONN_MAX_AGE": age, "OPTIONS": options}


@pytest.fixture(autouse=True)
def plain_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers whichever database the tests run on."""
    monkeypatch.setattr(ours, "connection", lambda model=None: Database("sqlite"))


def found() -> list[checks.CheckMessage]:
    return [message for check in (*CHECKS, *DEPLOY_CHECKS) for message in check()]


def ids() -> list[str]:
    return [str(message.id).removeprefix("rcs_router.") for message in found()]


@pytest.mark.parametrize(("number", "given"), BACKENDS)
def test_a_wrong_backend_is_named(settings: Any, number: str, given: Any) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = given, PUBLIC
    assert set(ids()) == {number}


@pytest.mark.parametrize(("number", "given"), ROUTER)
def test_a_wrong_router_setting_is_named(settings: Any, number: str, given: Any) -> None:
    settings.RCS_BACKENDS = GOOD
    settings.RCS_ROUTER = PUBLIC | given if isinstance(given, dict) else given
    assert set(ids()) - {"W101"} == {number} - {"W101"}
    assert number in ids()


@pytest.mark.parametrize(("backends", "router"), FINE)
def test_good_settings_are_left_alone(settings: Any, backends: Any, router: Any) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = backends, router
    assert found() == []


def test_all_problems_are_reported_at_once(settings: Any) -> None:
    settings.RCS_BACKENDS = {
        "a/b": MEMORY,
        "rcs": MEMORY | {"RATE": 1, "TRAFFIC": 1, "X": 1, "OPTIONS": {"limit": "x", "secret": 1, "no": 1}},
        "sms": "kannel",
    }
    settings.RCS_ROUTER = {"CLAIM": 0, "THREADS": "x", "NO": 1, "APPS": ["a.b"], "DEFAULT_REGION": "ee"}
    wanted = ["E002", "E004", "E018", "E019", "E009", "E011", "E011", "E003"]
    assert ids() == [*wanted, "E104", "E103", "E102", "E105", "E110", "W101"]


def test_a_wrong_router_setting_hides_no_backend_problem(settings: Any) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = of("Keyed", key=SECRET), {"CLAIM": 0, "PUBLIC_URL": 7}
    assert "E013" in ids()


@pytest.mark.parametrize("path", ["Keyed", "Unmakeable", "Crashing"])
@pytest.mark.parametrize("options", [{"size": "x"}, {"keys": 7}, {"keys": [SECRET]}, {SECRET[:3]: 1}])
def test_no_message_shows_a_secret(settings: Any, path: str, options: dict[str, Any]) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = of(path, key=SECRET, **options), PUBLIC
    messages = found()
    assert messages
    assert not [m for m in messages if SECRET in f"{m.msg} {m.hint}"]


@pytest.mark.parametrize("value", ["x", "pass", "the key"])
def test_hiding_a_short_secret_leaves_the_sentence_readable(settings: Any, value: str) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = of("Keyed", key=value), PUBLIC
    assert found()[0].msg.startswith('RCS_BACKENDS["rcs"]: ')


def test_a_mistyped_secret_is_not_shown(settings: Any) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = of("Keyed", key=[SECRET]), PUBLIC
    assert [m.msg for m in found()] == [
        'RCS_BACKENDS["rcs"]["OPTIONS"]["key"]: Input should be a valid string'
    ]


# What surrounds the router


@pytest.fixture
def fine(settings: Any) -> Any:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = GOOD, PUBLIC
    return settings


@pytest.fixture
def celery(fine: Any) -> Any:
    conf = current_app.conf
    kept = conf.task_always_eager, conf.beat_schedule
    yield conf
    conf.task_always_eager, conf.beat_schedule = kept


@pytest.mark.parametrize(
    ("database", "wanted"),
    [
        (Database("mysql"), ["E201"]),
        (Database("oracle"), ["E201"]),
        (Database("sqlite"), []),
        (Database("postgresql"), ["W203"]),
        (Database("postgresql", 60), []),
        (Database("postgresql", None), []),
        (Database("postgresql", 0, pool=True), []),
    ],
)
def test_databases(fine: Any, monkeypatch: pytest.MonkeyPatch, database: Database, wanted: list[str]) -> None:
    monkeypatch.setattr(ours, "connection", lambda model=None: database)
    assert ids() == wanted


def test_connections_are_not_kept_while_developing(fine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "connection", lambda model=None: Database("postgresql"))
    fine.DEBUG = True
    assert ids() == []


def test_old_sqlite(fine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    assert ids() == ["E202"]


def test_times_without_zones(fine: Any) -> None:
    fine.USE_TZ = False
    assert "E203" in ids()


def test_eager_celery(celery: Any, settings: Any) -> None:
    celery.task_always_eager = True
    assert ids() == ["W201"]
    settings.DEBUG = True
    assert ids() == []


@pytest.fixture
def own_app(celery: Any) -> Iterator[Any]:
    """The project has a Celery app of its own."""
    before = current_app._get_current_object()
    yield Celery("shop", broker="memory://", set_as_current=True).conf
    before.set_current()


TICK = {"any name": {"task": "rcs_router.tick", "schedule": 1.0}}
OTHERS = {"mine": {"task": "shop.nightly", "schedule": 60.0}}


@pytest.mark.parametrize(("schedule", "wanted"), [(OTHERS, ["W202"]), (TICK, []), (OTHERS | TICK, [])])
def test_a_beat_without_tick(celery: Any, schedule: dict[str, Any], wanted: list[str]) -> None:
    celery.beat_schedule = schedule
    assert ids() == wanted


@pytest.mark.parametrize(
    ("schedule", "router", "conf", "wanted"),
    [
        ({}, {}, {}, ["W202"]),
        (OTHERS, {}, {}, ["W202"]),
        (TICK, {}, {}, []),
        ({}, {"WAKE": False}, {}, []),
        (OTHERS, {"WAKE": False}, {}, ["W202"]),
        ({}, {}, {"beat_scheduler": "django_celery_beat.schedulers:DatabaseScheduler"}, []),
        (OTHERS, {}, {"beat_scheduler": "django_celery_beat.schedulers:DatabaseScheduler"}, []),
    ],
)
def test_a_celery_app_without_tick(
    own_app: Any, fine: Any, schedule: Any, router: Any, conf: dict[str, str], wanted: list[str]
) -> None:
    own_app.update(conf | {"beat_schedule": schedule})
    fine.RCS_ROUTER = PUBLIC | router
    assert ids() == wanted


@pytest.mark.parametrize(
    ("urls", "wanted"),
    [("tests.urls", []), ("rcs_router.no_urls", []), ("rcs_backends.emulator.urls", ["W204"])],
)
def test_urls_that_are_not_included(fine: Any, urls: str, wanted: list[str]) -> None:
    fine.ROOT_URLCONF = urls
    assert ids() == wanted


def test_urls_are_not_missed_without_webhooks(fine: Any) -> None:
    fine.ROOT_URLCONF = "rcs_backends.emulator.urls"
    fine.RCS_BACKENDS = {"rcs": {"BACKEND": f"{HERE}.Deaf"}}
    assert ids() == []


def test_received_files_without_a_place(fine: Any) -> None:
    fine.MEDIA_ROOT = ""
    assert ids() == ["W109"]
    assert "rcs_router.W109" not in {message.id for message in checks.run_checks()}
    assert "rcs_router.W109" in {message.id for message in checks.run_checks(include_deployment_checks=True)}
    fine.RCS_ROUTER = PUBLIC | {"MEDIA_FETCH": False}
    assert ids() == []
    fine.RCS_ROUTER = PUBLIC | {"MEDIA_STORAGE": "memory"}
    fine.STORAGES = fine.STORAGES | {"memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    assert ids() == []


# The ids themselves


def test_every_id_is_provoked_by_a_test() -> None:
    assert {number for number, _ in [*BACKENDS, *ROUTER]} | SURROUNDINGS == set(HINTS)


def test_every_id_has_a_hint_and_a_line_in_the_docs() -> None:
    rows = re.findall(r"^\| `rcs_router\.([EW]\d{3})` \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    documented = [number for number, _ in rows]
    assert len(documented) == len(set(documented))
    assert set(documented) == set(HINTS)
    assert all(HINTS.values())


def test_every_page_and_section_that_a_hint_names_exists() -> None:
    named = set(re.findall(r"(docs/[\w/]+\.md)(?:#(\w+))?", " ".join(HINTS.values())))
    assert named
    for page, section in named:
        text = (DOCS.parent.parent / page).read_text().lower()
        assert not section or f"\n## {section}\n" in text


def test_manage_py_check_runs_them(settings: Any) -> None:
    settings.RCS_BACKENDS = []
    assert "rcs_router.E001" in {message.id for message in checks.run_checks()}


def test_a_broken_setting_stops_manage_py_with_a_sentence() -> None:
    program = (
        "import django, sys; from django.conf import settings; "
        "settings.configure(USE_TZ=True, SECRET_KEY='x', INSTALLED_APPS=['rcs_router'], RCS_BACKENDS=[], "
        "DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}); "
        "django.setup(); from django.core.management import call_command; call_command('check')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert "(rcs_router.E001) RCS_BACKENDS must be a dict, not list" in ended.stderr
