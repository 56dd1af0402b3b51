"""The shape of the code as tests: which way imports point, who writes a status, and how long things may be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("rcs_router", "rcs_backends")

# Lowest first: a module imports only from those before it. `conf` stands below `content`, because the address of a
# form's page is signed. `signals` and `wake` know no row. The outbox asks `people` about consent, and the inbox answers
# through the router. `tasks` imports inside functions (a task is where the process changes), but nothing above it.
ORDER = [
    *(
        "moved",
        "errors",
        "addresses",
        "database",
        "database_errors",
        "sql",
        "conf",
        "content",
        "contract",
        "backends",
    ),
    *("signals", "wake", "models", "logs", "heartbeat", "timelimit", "alarms", "arguments", "capabilities"),
    *("capability_checks", "people", "outbox", "phases", "handlers", "router_apps", "router", "inbox"),
    *("sweep", "threads", "health", "api", "urls", "tasks", "schedule", "testing"),
    *("checks", "admin", "management", "apps"),
]
TOPS = {"admin", "campaigns", "management", "checks", "testing"}  # what nothing else may lean on
FOR_BACKENDS = {"content", "contract", "errors"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}


def modules(*packages: str) -> list[Path]:
    return sorted(
        path
        for package in packages or PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
    )


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(source: str, name: str, is_package: bool = False) -> Iterator[str]:
    """The dotted names of what a module imports, also inside of functions; relative imports are made absolute."""
    package = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports_of(path: Path) -> set[str]:
    return set(imported(path.read_text(), dotted(path), path.name == "__init__.py"))


def unit(name: str) -> str:
    """rcs_router.outbox.lease.claim → outbox; rcs_router.__version__, the package itself and others → empty."""
    package, own, *_ = [*name.split("."), ""]
    return own if package == "rcs_router" and own in ORDER else ""


def wrong_imports(name: str, names: set[str]) -> set[str]:
    """Those of a router module's imports that point upwards."""
    own = name.split(".")[1]
    lower = set(ORDER[: ORDER.index(own)]) | {own}
    return {one for one in names if one.startswith("rcs_router.") and unit(one) not in lower | {""}}


@pytest.mark.parametrize("path", modules("rcs_router"), ids=dotted)
def test_imports_inside_of_the_router_point_one_way(path: Path) -> None:
    name = dotted(path)
    if name == "rcs_router":  # the public names, looked up when they are asked for
        return
    assert name.split(".")[1] in ORDER, f"{name} is new: give it its place in ORDER"
    assert not wrong_imports(name, imports_of(path))


@pytest.mark.parametrize("path", modules("rcs_router"), ids=dotted)
def test_the_router_knows_no_backend_by_name(path: Path) -> None:
    assert not {name for name in imports_of(path) if name.partition(".")[0] == "rcs_backends"}


def backend_mistakes(name: str, names: set[str]) -> set[str]:
    """Imports of a backend's module that are none of its business."""
    emulator = name.startswith("rcs_backends.emulator")
    ours = {
        one for one in names if one.startswith("rcs_router") and (emulator or unit(one) not in FOR_BACKENDS)
    }
    others = {one for one in names if one.startswith("rcs_backends.")}
    return ours | {one for one in others if one.startswith("rcs_backends.emulator") is not emulator}


@pytest.mark.parametrize("path", modules("rcs_backends"), ids=dotted)
def test_backends_know_only_content_contract_and_errors(path: Path) -> None:
    assert not backend_mistakes(dotted(path), imports_of(path))


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_nothing_leans_on_what_stands_on_top(path: Path) -> None:
    own = unit(dotted(path))
    allowed = {own, "checks"} if own == "apps" else {own}
    found = {unit(name) for name in imports_of(path) if name.startswith("rcs_router.")}
    assert not (found & TOPS) - allowed


# Django's models refer to each other.
CIRCLES = [{"rcs_router.models.event", "rcs_router.models.message", "rcs_router.models.people"}]


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the groups of modules that import each other, directly or through others."""
    reach = {name: _reachable(graph, name) for name in graph}
    groups = [frozenset(other for other in reach[name] if name in reach[other]) for name in graph]
    return [set(group) for group in dict.fromkeys(groups) if len(group) > 1]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen, following = set[str](), [start]
    while following:
        for name in graph[following.pop()] - seen:
            seen.add(name)
            following.append(name)
    return seen


def module_graph() -> dict[str, set[str]]:
    """Every module and the modules that it imports, also inside functions and for type checkers."""
    names = {dotted(path) for path in modules()}
    return {dotted(path): _modules_of(imports_of(path), names) - {dotted(path)} for path in modules()}


def _modules_of(imports: set[str], names: set[str]) -> set[str]:
    found = set()
    for one in imports:
        while one and one not in names:
            one = one.rpartition(".")[0]
        found.add(one)
    return found - {"", *PACKAGES}


def test_no_modules_import_each_other() -> None:
    assert circles(module_graph()) == CIRCLES


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}]


# Who writes a transmission's status

WRITERS = {
    "update",
    "create",
    "get_or_create",
    "update_or_create",
    "bulk_update",
    "claim",
    "update_each",
    "insert",
}


def status_writes(source: str) -> list[int]:
    """Lines that write a status: of a row, in SQL, or of an object that may be saved. An Event's is no row's status."""
    tree = ast.parse(source)
    if not re.search(r"\bTransmission\b|\btransmissions\b", source):
        return []
    return sorted({node.lineno for node in ast.walk(tree) if _writes_status(node)})  # type: ignore[attr-defined]


def _writes_status(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(target, ast.Attribute) and target.attr == "status" for target in targets)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(re.search(r"\bSET\b[^;]*\bstatus\s*=", node.value))
    return isinstance(node, ast.Call) and _call_writes_status(node)


def _call_writes_status(call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    last = called.rpartition(".")[2]
    if called.startswith("Event") or last not in WRITERS | {"Transmission", "setattr"}:
        return False
    words = {keyword.arg for keyword in call.keywords}
    constants = {n.value for n in ast.walk(call) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    named = last in {"bulk_update", "update_each", "insert", "setattr"} and "status" in constants
    return "status" in words or named


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_only_the_outbox_writes_a_status(path: Path) -> None:
    if path.is_relative_to(ROOT / "rcs_router" / "outbox"):
        return
    assert status_writes(path.read_text()) == []


# Which database is meant

# What Django's own are about the default database, or decides by DATABASE_ROUTERS where to read.
OF_SOME_DATABASE = {
    "transaction",
    "connection",
    "connections",
    "router",
    "close_old_connections",
    "reset_queries",
}


def database_mistakes(source: str) -> list[str]:
    """Names of django.db that leave open which database is meant."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in {"django.db", "django.db.transaction"}:
            inside = node.module == "django.db.transaction"
            found += [alias.name for alias in node.names if inside or alias.name in OF_SOME_DATABASE]
        elif isinstance(node, ast.ImportFrom) and node.module == "django":
            found += [alias.name for alias in node.names if alias.name == "db"]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("django.db")]
    return found


@pytest.mark.parametrize("path", modules("rcs_router"), ids=dotted)
def test_only_one_module_says_which_database_is_meant(path: Path) -> None:
    if dotted(path) != "rcs_router.database":
        assert database_mistakes(path.read_text()) == []


def test_all_models_are_read_where_they_are_written() -> None:
    from django.apps import apps

    from rcs_router.models.base import FreshManager

    for model in apps.get_app_config("rcs_router").get_models():
        assert isinstance(model._default_manager, FreshManager), model
        assert isinstance(model._base_manager, FreshManager), model


# Names and sizes


@pytest.mark.parametrize("path", modules(*PACKAGES, "example_project", "faults"), ids=dotted)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    source = path.read_text()
    if not source.strip():  # a package that is only a folder
        assert path.name == "__init__.py"
        return
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring, "no docstring"
    assert is_sentence(docstring.splitlines()[0])


def is_sentence(line: str) -> bool:
    return len(line.split()) >= 4 and bool(re.search(r"[.!?:](`|\)|\")?$", line))


@pytest.mark.parametrize("path", modules(*PACKAGES, "example_project", "faults"), ids=dotted)
def test_modules_and_functions_stay_small(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= 400
    assert {name: size for name, size in sizes(source).items() if size > 40} == {}


def sizes(source: str) -> dict[str, int]:
    """Lines of every function, without those of its docstring: what is explained well may be long."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            said = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0  # type: ignore[operator]
            found[node.name] = node.end_lineno - node.lineno + 1 - said  # type: ignore[operator]
    return found


# These tests can fail


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("rcs_router.outbox.policy", "from rcs_router.contract import Status", set()),
        ("rcs_router.people.quiet", "from rcs_router import outbox", {"rcs_router.outbox"}),
        ("rcs_router.outbox.policy", "def f():\n    import rcs_router.router", {"rcs_router.router"}),
        ("rcs_router.outbox.drain", "from rcs_router.inbox import intake", {"rcs_router.inbox.intake"}),
        ("rcs_router.outbox.lease", "from .fallback import open_fallback", set()),
        ("rcs_router.outbox.lease", "from ..inbox import queue", {"rcs_router.inbox.queue"}),
        ("rcs_router.models.event", "from rcs_router.outbox.lease import a", {"rcs_router.outbox.lease.a"}),
        ("rcs_router.inbox.intake", "from rcs_router import __version__, router", set()),
    ],
)
def test_an_import_that_points_upwards_is_seen(name: str, source: str, wrong: set[str]) -> None:
    assert wrong_imports(name, set(imported(source, name))) == wrong


@pytest.mark.parametrize(
    ("name", "source", "count"),
    [
        ("rcs_backends.kannel", "from rcs_router.contract import BaseBackend", 0),
        ("rcs_backends.kannel", "from rcs_router.content.plain import render", 0),
        ("rcs_backends.kannel", "from rcs_backends import http", 0),
        ("rcs_backends.kannel", "from rcs_router.models import Message", 1),
        ("rcs_backends.kannel", "from rcs_router import send", 1),
        ("rcs_backends.kannel", "from rcs_backends.emulator import ledger", 1),
        ("rcs_backends.emulator.ledger", "from rcs_backends.emulator import phones", 0),
        ("rcs_backends.emulator.ledger", "from rcs_router.content import Text", 1),
        ("rcs_backends.emulator.wire.kannel", "from rcs_backends.kannel import Kannel", 1),
    ],
)
def test_a_backend_that_knows_too_much_is_seen(name: str, source: str, count: int) -> None:
    assert len(backend_mistakes(name, set(imported(source, name)))) == count


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("Transmission.objects.filter(pk=1).update(status=20)", True),
        ("message.transmissions.update(reason='', status=20)", True),
        ("Transmission(message=m, status=20)", True),
        ("Transmission.objects.bulk_update(rows, ['status'])", True),
        ("sql.claim(Transmission, where='', status=10)", True),
        ("sql.update_each(Transmission, ('id', 'status'), rows)", True),
        ("transmission.status = Status.READ  # Transmission", True),
        ("setattr(transmission, 'status', 20)  # Transmission", True),
        ("cursor.execute('UPDATE rcs_router_transmission SET status = 1')  # Transmission", True),
        ("Transmission.objects.filter(status=20)", False),
        ("Transmission.objects.filter(status=20).update(reason='')", False),
        ("Event.objects.create(transmission=t, status=20)  # Transmission", False),
        ("HttpResponse(status=404)  # Transmission", False),
        ("response.status = 404", False),
    ],
)
def test_a_write_of_a_status_is_seen(line: str, seen: bool) -> None:
    assert bool(status_writes(line)) is seen


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("from django.db import transaction", ["transaction"]),
        ("from django.db import DatabaseError, connections, models", ["connections"]),
        ("from django.db.transaction import atomic", ["atomic"]),
        ("def f():\n    from django.db import connection", ["connection"]),
        ("from django import db", ["db"]),
        ("import django.db.transaction", ["django.db.transaction"]),
        ("from django.db import DatabaseError, models", []),
        ("from django.db.models import F", []),
        ("from rcs_router import database", []),
    ],
)
def test_a_name_that_leaves_the_database_open_is_seen(line: str, seen: list[str]) -> None:
    assert database_mistakes(line) == seen


def test_a_long_function_is_seen_and_its_docstring_is_not_counted() -> None:
    text = "\n".join(["    " + "x = 1"] * 50)
    assert sizes(f"def long():\n{text}\n") == {"long": 51}
    assert sizes('def short():\n    """A.\n\n    B.\n    """\n    return 1\n') == {"short": 2}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("Return the configured backend of an alias.", True),
        ("Utilities", False),
        ("Some words without an end", False),
    ],
)
def test_a_sentence_is_one(line: str, sentence: bool) -> None:
    assert is_sentence(line) is sentence
