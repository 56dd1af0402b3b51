"""docs/content.md: its examples run, and its tables name every loss and every kind that there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
from django.test import Client

from rcs_router import lookup_connections, send
from rcs_router.content import Audio, Card, Content, Dial, File, Location, Media, Suggestion, Text
from rcs_router.content.examples import CHIPS, CONTENTS, FORM_LINK, examples
from rcs_router.content.fitting import CannotFit, Feature, Fitting
from rcs_router.content.forms import Kind
from rcs_router.content.links import form_link
from rcs_router.content.plain import render
from rcs_router.contract import IncomingKind
from rcs_router.models import Message
from tests.conf.pages import quoted, rows, run, section, text

PAGE = "docs/content.md"
ALL = frozenset(get_args(Content))
CHIP_TYPES = frozenset(get_args(get_args(Suggestion)[0]))
EVENTS = {IncomingKind.TYPING, IncomingKind.SUBSCRIBE, IncomingKind.UNSUBSCRIBE}


@pytest.mark.django_db
@pytest.mark.usefixtures("providers")
def test_the_examples_run() -> None:
    names = run(PAGE, {"__name__": "page"})
    assert Message.objects.count() == 1, "only the first example leaves; strict refuses the other"
    assert names["survey"].fields[0].name == "stars"


@pytest.mark.django_db
@pytest.mark.usefixtures("providers")
def test_the_template_of_the_page_replaces_ours(settings: Any, tmp_path: Path) -> None:
    template = re.search(r"^```html\n(.*?)^```$", text(PAGE), re.MULTILINE | re.DOTALL)
    assert template
    for name, written in {
        "rcs_router/form.html": template[1],
        "shop/base.html": "Shop {% block content %}{% endblock %}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(written)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    message = send(CONTENTS[-1], lookup_connections("acme", ["+37255501234"]))
    address = urlsplit(form_link(message.transmissions.get().pk)).path
    asked = Client().get(address).content.decode()
    assert asked.startswith("Shop")
    assert 'name="stars"' in asked
    assert "Thank you" in Client().post(address, {"stars": "five"}).content.decode()
    assert Client().get("/rcs/forms/nobody/").status_code == 404


def test_every_content_and_chip_has_an_example() -> None:
    for kind in (*CONTENTS, *CHIPS):
        assert re.search(rf"\b{type(kind).__name__}\(", text(PAGE)), type(kind).__name__


def test_every_kind_of_what_comes_in_is_told() -> None:
    told = {quoted(row[0])[0] for row in rows(section(PAGE, "What comes back"), 3)}
    assert told == set(IncomingKind) - EVENTS


def test_every_type_of_field_is_told() -> None:
    assert [quoted(row[0])[0] for row in rows(section(PAGE, "Forms"), 3)] == list(get_args(Kind))


def contents() -> Iterator[Content]:
    """The examples, and what has more to lose than they have."""
    yield from (example.content for example in examples())
    yield Audio("https://cdn.example/hello.mp3", 4)
    yield Location(59.437, 24.7536, radius=40)
    yield Card("Boots", media=Media(uploaded="files/7"))
    yield File(uploaded="files/7", name="boots.jpg")
    yield Text("Look", (Dial("Call", phone="112", mode="enriched"),))


def wires() -> Iterator[tuple[frozenset[type], frozenset[type], frozenset[Feature]]]:
    """A wire that has everything but one thing, for each thing, and one without finer points."""
    everything = frozenset(Feature)
    yield from ((ALL - {kind}, CHIP_TYPES, everything) for kind in ALL)
    yield from ((ALL, CHIP_TYPES - {kind}, everything) for kind in CHIP_TYPES)
    yield from ((ALL, CHIP_TYPES, everything - {feature}) for feature in Feature)
    yield ALL, CHIP_TYPES, frozenset()


def without_numbers(loss: str) -> str:
    """One of it, whoever it is."""
    loss = re.sub(r" \(\d+ times\)$", "", loss)
    return re.sub("“.*”", "“…”", loss)


def lost_by_fitting() -> Iterator[str]:
    for kinds, chips, features in wires():
        for content in contents():
            fitting = Fitting(kinds, chips, features, frozenset(), FORM_LINK)
            try:
                fitting.fit(content)
            except CannotFit:
                continue
            yield from fitting.lost


def lost_in_plain_text() -> Iterator[str]:
    for content in contents():
        yield from render(content, form_link=FORM_LINK).lost
        yield from render(content, fallback_text="Look", form_link=FORM_LINK).lost


def noted(columns: list[list[str]]) -> set[str]:
    return {sentence for row in columns for sentence in quoted(row[2])}


def tables() -> tuple[list[list[str]], list[list[str]]]:
    """What becomes of content on a lesser wire, and in plain text."""
    written, plain = section(PAGE, "What a provider lacks").split("it is plain text:")
    return rows(written, 3), rows(plain, 3)


def test_the_table_of_rules_names_every_loss() -> None:
    assert noted(tables()[0]) == set(map(without_numbers, lost_by_fitting()))


def test_the_table_of_plain_text_names_every_loss() -> None:
    single = {loss for loss in map(without_numbers, lost_in_plain_text()) if not re.match(r"[2-9]", loss)}
    assert noted(tables()[1]) == single
