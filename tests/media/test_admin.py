"""Received files in the admin: what a person sees of them, and fetching one again."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from rcs_router.inbox import media
from rcs_router.models import InboundFile
from rcs_router.testing.stub import Stub, answer
from tests.admin.pages import act, found, listed, page, words
from tests.core import sent_to
from tests.media.steps import PNG, sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("received")]
State = InboundFile.State


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def photo(stub: Stub) -> InboundFile:
    stub.default = answer(200, PNG)
    row = sent(f"{stub.url}/u?sig=secret-of-the-link")
    media.fetch_due()
    row.refresh_from_db()
    return row


def html(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_a_picture_is_shown_from_our_storage(boss: Client, photo: InboundFile) -> None:
    for url in (listed("inboundfile"), page(photo), page(photo.message)):
        shown = html(boss, url)
        assert f'<img class="rcs-picture" src="/received/{photo.file.name}"' in shown
        assert "fetched" in shown
    assert "image/png" in words(boss.get(page(photo)))


def test_the_providers_link_is_not_shown_beside_the_file(boss: Client, photo: InboundFile) -> None:
    for url in (listed("inboundfile"), page(photo)):
        assert "secret-of-the-link" not in html(boss, url)


def test_what_is_no_picture_is_a_link(boss: Client, photo: InboundFile) -> None:
    InboundFile.objects.update(media_type="application/pdf")
    shown = html(boss, page(photo))
    assert "<img class=" not in shown
    assert f'<a href="/received/{photo.file.name}" rel="noopener noreferrer" target="_blank">' in shown


def test_a_storage_without_addresses_names_the_file(boss: Client, photo: InboundFile, settings: Any) -> None:
    without = {"BACKEND": "django.core.files.storage.Storage"}
    settings.STORAGES = settings.STORAGES | {"received": without}
    assert str(photo.file.name) in words(boss.get(page(photo)))


def test_a_name_of_a_type_is_escaped(boss: Client, photo: InboundFile) -> None:
    InboundFile.objects.update(
        media_type="<script>", declared_type="<script>", code="<script>", state=State.FAILED
    )
    for url in (listed("inboundfile"), page(photo), page(photo.message)):
        assert "<script>alert" not in html(boss, url)
        assert "&lt;script&gt;" in html(boss, url)


def test_a_message_without_files_has_no_section_for_them(boss: Client) -> None:
    assert "Files" not in words(boss.get(page(sent_to().message)))


def test_files_are_found_by_their_state(boss: Client, photo: InboundFile) -> None:
    waits = sent("https://f.example/u")
    assert found(boss, "inboundfile", state__exact="waiting") == [waits]
    assert found(boss, "inboundfile", state__exact="fetched") == [photo]


def test_fetch_again(boss: Client, photo: InboundFile, stub: Stub) -> None:
    stub.default = answer(404)
    gone = sent(f"{stub.url}/v")
    media.fetch_due()
    status, told = act(boss, "inboundfile", "fetch_again", [gone, photo])
    assert (status, told) == (
        302,
        ["1 will be fetched again.", "1 not changed: already fetched, or being fetched now."],
    )
    gone.refresh_from_db()
    assert (gone.state, gone.tries) == (State.WAITING, 0)
