"""Forms on a phone: check what a person fills in, as the phone itself would, and sum it up."""

import re
from collections.abc import Callable
from datetime import date
from itertools import chain

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wires import ActionProblem

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PHONE = re.compile(r"\+?[\d\s().-]{3,}", re.ASCII)


def filled(form: Json, data: object) -> Json:
    """Return the values by field name, in the form's order, empty ones left out. Raises ActionProblem."""
    if not isinstance(data, dict):
        raise ActionProblem("data must be an object: the name of each field and its value.")
    fields = {field["name"]: field for field in form["fields"]}
    for name in data:
        if name not in fields:
            raise ActionProblem(f"The form has no field {name!r}; its fields are {', '.join(fields)}.")
    for name, field in fields.items():
        if field["required"] and data.get(name) in (None, "", False):
            raise ActionProblem(f"{name} is required.")
    return {name: _value(fields[name], data[name]) for name in fields if data.get(name) not in (None, "")}


def _value(field: Json, value: object) -> object:
    is_good, wanted = TYPES[field["type"]]
    if not is_good(value, field):
        raise ActionProblem(f"{field['name']} must be {wanted}.")
    return value


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_like(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))


def _is_number(value: object) -> bool:
    return bool(_NUMBER.fullmatch(str(value))) and not isinstance(value, bool)


TYPES: dict[str, tuple[Callable[[object, Json], bool], str]] = {  # how it is checked, and what it must be
    "text": (lambda value, field: isinstance(value, str), "a string"),
    "number": (lambda value, field: _is_number(value), "a number"),
    "email": (lambda value, field: _is_like(_EMAIL, value), "an e-mail address"),
    "phone": (lambda value, field: _is_like(_PHONE, value), "a phone number"),
    "date": (lambda value, field: _is_date(value), "a date such as 2026-11-27"),
    "select": (lambda value, field: value in field["options"], "one of its options"),
    "checkbox": (lambda value, field: isinstance(value, bool), "true or false"),
}


def summary(form: Json, data: Json) -> str:
    """Return what the bubble says: a line for each answer."""
    labels = {field["name"]: field["label"] or field["name"] for field in form["fields"]}
    lines = (f"{labels[name]}: {_in_words(value)}" for name, value in data.items())
    return "\n".join(chain([form["title"]] if form["title"] else [], lines))


def _in_words(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
