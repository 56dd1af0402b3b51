"""Check RCS_BACKENDS: report every wrong entry, key and option. No message shows a secret."""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_type_hints

from django.conf import settings
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string
from pydantic import TypeAdapter, ValidationError

from rcs_router.backends import KEYS, REPLIES, BackendConfig, brand_of, webhook_url
from rcs_router.checks.ids import found
from rcs_router.checks.router import good_settings, is_unclean
from rcs_router.contract import BaseBackend, Options, in_lower_case, several
from rcs_router.errors import ConfigError
from rcs_router.outbox.drain import MARGIN

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_OF_KEY = {
    "BACKEND": "E005",
    "OPTIONS": "E008",
    "FALLBACK": "E014",
    "RATE": "E018",
    "TRAFFIC": "E019",
    "RETRY_DELAYS": "E020",
    "BRAND": "E024",
    "FALLBACK_AFTER": "E026",
    "SILENT_AFTER": "E027",
    **dict.fromkeys(REPLIES, "E028"),
}


def check_backends(**kwargs: object) -> list[CheckMessage]:
    """Check each entry of RCS_BACKENDS, and the references between entries."""
    given = getattr(settings, "RCS_BACKENDS", {})
    if not isinstance(given, dict):
        return [found("E001", f"RCS_BACKENDS must be a dict, not {type(given).__name__}")]
    wrong: list[CheckMessage] = []
    for alias, entry in given.items():
        if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
            wrong.append(found("E002", f"RCS_BACKENDS has an alias that is not allowed: {alias!r}"))
        elif not isinstance(entry, dict):
            kind = type(entry).__name__
            wrong.append(found("E003", f'RCS_BACKENDS["{alias}"] must be a dict, not {kind}'))
        else:
            wrong += [*_keys(alias, entry), *_fallback(alias, entry, given), *_backend(alias, entry)]
    return wrong


def _keys(alias: str, entry: dict[Any, Any]) -> Iterator[CheckMessage]:
    """Check the keys of one entry, each by itself, so that one wrong key does not hide another."""
    for key in entry:
        if key not in KEYS:
            yield found("E004", f'RCS_BACKENDS["{alias}"] has an unknown key {key!r}')
    for key, number in _OF_KEY.items():
        alone = {"BACKEND": "a.path"} if key != "BACKEND" else {}
        if key in entry:
            alone[key] = entry[key]
        try:
            BackendConfig.read(alias, alone)
        except ConfigError as error:
            yield found(number, str(error))


def _fallback(alias: str, entry: dict[str, Any], given: dict[str, Any]) -> Iterator[CheckMessage]:
    """Check the FALLBACK list of one entry. Two entries may name each other: only the first one's list is used."""
    where, chain = f'RCS_BACKENDS["{alias}"]["FALLBACK"]', entry.get("FALLBACK", ())
    if not isinstance(chain, list | tuple) or not all(isinstance(name, str) for name in chain):
        return
    for name in dict.fromkeys(chain):
        if name == alias:
            yield found("E016", f"{where} names the backend itself")
        elif name not in given:
            yield found("E015", f"{where} names {name!r}, which RCS_BACKENDS does not have")
        elif brand_of(name) != brand_of(alias):
            yield found("E025", f"{where} names {name!r}, which belongs to another BRAND")
        if chain.count(name) > 1:
            yield found("E017", f"{where} names {name!r} more than once")


def _backend(alias: str, entry: dict[str, Any]) -> Iterator[CheckMessage]:
    path, given = entry.get("BACKEND"), entry.get("OPTIONS", {})
    where = f'RCS_BACKENDS["{alias}"]["BACKEND"]'
    if not isinstance(path, str) or not isinstance(given, dict):
        return
    try:
        cls = import_string(path)
    except Exception as error:
        yield found("E006", f"{where}: {path!r} cannot be imported: {error}")
        return
    if not (isinstance(cls, type) and issubclass(cls, BaseBackend)):
        yield found("E007", f"{where}: {path} is not a subclass of BaseBackend")
        return
    where = f'RCS_BACKENDS["{alias}"]["OPTIONS"]'
    try:
        given = in_lower_case(where, given)
    except ConfigError as error:
        yield found("E009", str(error))
        return
    wrong = list(_options(where, cls.Options, given))
    yield from wrong or _instance(alias, cls, cls.Options.read(alias, given), entry)


def _options(where: str, cls: type[Options], given: dict[Any, Any]) -> Iterator[CheckMessage]:
    types, missing = get_type_hints(cls), []
    names = [f.name for f in fields(cls)]
    for name in given:
        if name not in names:
            yield found("E009", f"{where} has an unknown option {name!r}; the options are {', '.join(names)}")
    for name in names:
        if name not in given:
            missing.append(name)
            continue
        try:
            TypeAdapter(types[name]).validate_python(given[name])
        except ValidationError as error:  # without the value: it may be a secret
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            yield found("E011", f'{where}["{name}"]: {problem}')
    for f in fields(cls):
        if f.name in missing and f.default is f.default_factory:  # both are dataclasses.MISSING
            yield found("E010", f"{where} has no {f.name!r}")


def _instance(
    alias: str, cls: type[BaseBackend], options: Options, entry: dict[str, Any]
) -> Iterator[CheckMessage]:
    """Create the backend from options of the right types, and report what it says about their values."""
    where, own_fallback = f'RCS_BACKENDS["{alias}"]', False
    good = good_settings()
    try:
        address = webhook_url(alias, good.PUBLIC_URL)
        backend = cls(alias, options, webhook_url=address)
        own_fallback = backend.capabilities.own_fallback  # options may switch it on
        problems, warnings = backend.problems(), backend.warnings()
    except ConfigError as error:
        yield found("E012", _hidden(f"{where}: {error}", options))
    except Exception as error:  # its text may quote a secret
        yield found("E012", f"{where}: {cls.__name__} raised {type(error).__name__}")
    else:
        for problem in problems:
            yield found("E013", _hidden(f"{where}: {problem}", options))
        for name in _unclean(backend.options):
            yield found(
                "E029",
                f'{where}["OPTIONS"]["{name}"] begins or ends with white space, or has a control character',
            )
        for warning in warnings:
            yield found("W001", _hidden(f"{where}: {warning}", options))
    if own_fallback and entry.get("FALLBACK"):
        yield found("E021", f"{where} has a FALLBACK, but its provider falls back by itself")
    if options.timeout <= 0:
        yield found("E022", f'{where}["OPTIONS"]["timeout"] must be more than 0')
    elif options.timeout + MARGIN >= good.LEASE:
        needed = options.timeout + MARGIN
        yield found("E023", f'RCS_ROUTER["LEASE"] is {good.LEASE:g} s, {where} needs more than {needed:g} s')


def _unclean(options: Options) -> Iterator[str]:
    """Return the names of secret options that begin or end with white space, or have a control character."""
    for f in fields(options):
        value = getattr(options, f.name)
        texts = several(value) if isinstance(value, str | tuple) else ()
        if not f.repr and any(isinstance(text, str) and is_unclean(text) for text in texts):
            yield f.name


def _hidden(text: str, options: Options) -> str:
    for secret in filter(None, options.secrets()):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "…", text)
    return text
