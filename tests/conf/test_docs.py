"""The pages on settings and dependencies say what the code and setup.cfg say."""

import ast
import configparser
import re
from dataclasses import fields
from pathlib import Path

from rcs_router.backends import KEYS
from rcs_router.conf import RouterSettings

ROOT = Path(__file__).parent.parent.parent


def rows(page: str, columns: int) -> list[list[str]]:
    """The cells of every table of a page that has so many columns, without heads."""
    lines = [line for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if len(row) == columns and not set("".join(row)) <= set("-")]


def test_every_key_of_rcs_router_is_documented_with_its_default() -> None:
    documented = {key.strip("`"): default.strip("`") for key, default, *_ in rows("settings.md", 4)}
    documented.pop("key")
    assert {key: ast.literal_eval(default) for key, default in documented.items()} == {
        f.name: f.default for f in fields(RouterSettings)
    }


def test_every_key_of_an_entry_is_documented() -> None:
    documented = [key.strip("`") for key, *_ in rows("settings.md", 3)]
    assert sorted(documented) == sorted([*KEYS, "key"])


def required() -> dict[str, set[str]]:
    """Extra (or an empty string) → names of packages, from setup.cfg; without extras that install nothing."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lists = {"": config["options"]["install_requires"], **config["options.extras_require"]}
    found = {extra: set(re.findall(r"^[\w-]+", text, re.MULTILINE)) for extra, text in lists.items()}
    return {extra: packages for extra, packages in found.items() if packages}


def test_every_backend_has_an_extra_of_its_name() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = {"google", "gsma", "messente", "rest", "kannel", "twilio", "emulator", "redis", "postgresql"}
    assert wanted <= set(config["options.extras_require"])


def test_every_dependency_has_a_reason() -> None:
    documented: dict[str, set[str]] = {}
    for package, why in rows("dependencies.md", 2):
        documented.setdefault("", set()).add(package)
        assert why
    for extra, package, why in rows("dependencies.md", 3):
        documented.setdefault(extra.strip("`"), set()).add(package)
        assert why
    documented[""].discard("package")
    documented.pop("extra")
    assert documented == required()
