"""Test the OPTIONS of a backend: a wrong one leads to one clear sentence, which never contains a secret."""

import dataclasses
import re
from typing import Any, get_args, get_type_hints

import pytest

from rcs_router.content import Content, Suggestion, Text
from rcs_router.errors import ConfigError
from rcs_router.testing.conformance.provider import NOWHERE, Provider
from rcs_router.testing.conformance.suite import Suite, over

CONTENTS = set(get_args(Content))
CHIPS = set(get_args(get_args(Suggestion)[0]))


SECRETIVE = re.compile("(password|secret|token|key)s?$")


class Odd:
    """A value of a type that no option has."""

    def __repr__(self) -> str:
        return "what-was-given"


def fields(provider: Provider) -> dict[str, Any]:
    """Return the options by name."""
    return {f.name: f for f in dataclasses.fields(provider.backend.Options)}


def _shown(options: Any, name: str) -> bool:
    value = getattr(options, name)
    return isinstance(value, str) and bool(value) and value in repr(options)


def required(provider: Provider) -> dict[str, str]:
    """Return the names of the options without a default."""
    missing = dataclasses.MISSING
    return {
        name: name
        for name, f in fields(provider).items()
        if f.default is missing and f.default_factory is missing
    }


def typed(provider: Provider) -> dict[str, str]:
    """Return the names of the options whose type is not Any."""
    hints = get_type_hints(provider.backend.Options)
    return {name: name for name in fields(provider) if hints[name] is not Any}


def texts(provider: Provider) -> dict[str, str]:
    """Return the names of the options whose value is a string."""
    return {name: name for name, value in provider.options(NOWHERE).items() if isinstance(value, str)}


class Options(Suite):
    """What `manage.py check` reports about a backend."""

    def test_unknown_option_is_named(self) -> None:
        self._refused({**self.provider.options(NOWHERE), "no_such_option": 1}, "no_such_option")

    @over(required)
    def test_missing_option_is_named(self, case: str) -> None:
        given = {name: value for name, value in self.provider.options(NOWHERE).items() if name != case}
        self._refused(given, case)

    @over(typed)
    def test_mistyped_option_is_named_and_its_value_is_not(self, case: str) -> None:
        self._refused({**self.provider.options(NOWHERE), case: Odd()}, case)

    def _refused(self, given: dict[str, Any], name: str) -> None:
        try:
            self.provider.backend.Options.read("kit", given)
        except ConfigError as error:
            sentence = str(error)
        else:
            pytest.fail(
                f"Options.read() accepted it: the error in {name} would appear only when a message is sent"
            )
        assert f"'{name}'" in sentence, f"the error does not name {name}: {sentence}"
        assert "\n" not in sentence, f"more than one line: {sentence}"
        assert "what-was-given" not in sentence, "the value may be a secret, and is shown"

    def test_secrets_stay_out_of_repr(self) -> None:
        backend = self.provider.make()
        shown = f"{backend!r} {backend.options!r}"
        for number, value in enumerate(filter(None, backend.options.secrets())):
            assert value not in shown, f"secret number {number} is shown by repr: declare it with secret()"

    def test_what_is_called_a_secret_is_one(self) -> None:
        options = self.provider.make().options
        open_ = [name for name in fields(self.provider) if SECRETIVE.search(name) and _shown(options, name)]
        assert not open_, f"repr shows {', '.join(open_)}: declare it with secret()"

    @over(texts)
    def test_empty_option_has_a_problem_or_none_but_no_traceback(self, case: str) -> None:
        backend = self.provider.make(**{case: ""})
        for problem in backend.problems():
            assert "\n" not in problem, f"more than one line: {problem!r}"
            shown = [secret for secret in backend.options.secrets() if secret and secret in problem]
            assert not shown, "a problem shows a secret"

    def test_healthy_options_have_no_problems(self) -> None:
        assert self.provider.make().problems() == []

    def test_capabilities_are_sound(self) -> None:
        backend, can = self.provider.make(), self.provider.make().capabilities
        assert Text in can.content, "every backend must carry Text: any content can be sent as text"
        assert can.content <= CONTENTS, f"not content types: {can.content - CONTENTS}"
        assert can.suggestions <= CHIPS, f"not suggestion types: {can.suggestions - CHIPS}"
        assert can.fallback_urls <= can.suggestions, "fallback_urls names chips that suggestions does not"
        assert backend.provider, "`provider` is the name that people see"
        assert backend.tested in {"live", "emulator", "documents only"}
        assert can.bulk >= 0
