"""Read the OPTIONS of an entry of RCS_BACKENDS into a frozen dataclass that the backend declares."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rcs_router.conf import adapter
from rcs_router.errors import ConfigError


@dataclass(frozen=True)
class Options:
    """Base class of a backend's options: a frozen dataclass. Declare a secret with `secret()`; repr never shows it."""

    timeout: float = dataclasses.field(default=15.0, kw_only=True)  # seconds to wait for an answer

    @classmethod
    def read(cls, alias: str, given: Mapping[str, Any]) -> "Options":
        """Return the OPTIONS of `alias` as a value; names may be in any case, as in RapidSMS.

        Raises ConfigError for an unknown, missing, mistyped or repeated option, and names it.
        """
        where = f'RCS_BACKENDS["{alias}"]["OPTIONS"]'
        given = in_lower_case(where, given)
        known = {f.name: f for f in dataclasses.fields(cls)}
        if unknown := sorted(set(given) - set(known)):
            raise ConfigError(
                f"{where} has an unknown option {unknown[0]!r}; known are {', '.join(sorted(known))}"
            )
        if missing := [name for name, f in known.items() if _required(f) and name not in given]:
            raise ConfigError(f"{where} lacks {missing[0]!r}")
        return cls(**{name: cls._checked(where, name, value) for name, value in given.items()})

    @classmethod
    def _checked(cls, where: str, name: str, value: Any) -> Any:
        try:
            return adapter(cls, name).validate_python(value)
        except ValidationError as error:  # never with the value, which may be a secret
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise ConfigError(f"{where}[{name!r}]: {problem}") from None

    def secrets(self) -> Iterable[str]:
        """Return the values that must never be shown."""
        for f in dataclasses.fields(self):
            if not f.repr:
                value = getattr(self, f.name)
                yield from (
                    [value] if isinstance(value, str) else [v for v in value or () if isinstance(v, str)]
                )


def in_lower_case(where: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options under lower-case names. Raises ConfigError for a repeated one."""
    lower: dict[str, Any] = {}
    for name, value in given.items():
        key = name.lower() if isinstance(name, str) else name
        if key in lower:
            raise ConfigError(f"{where} has {key!r} twice, in different letters")
        lower[key] = value
    return lower


def secret(**kwargs: Any) -> Any:
    """Declare a dataclass field whose value is left out of repr, logs and error pages."""
    return dataclasses.field(repr=False, **kwargs)


def several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of an option that may be one string, or a tuple of strings while a secret is being changed."""
    return (value,) if isinstance(value, str) else value


def _required(f: "dataclasses.Field[Any]") -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
