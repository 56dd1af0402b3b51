"""A message's page shows content readably, and whatever anybody wrote only as text."""

import pytest

from rcs_router import receive, send
from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Dial,
    File,
    Location,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Text,
)
from rcs_router.models import Contact, Message, Transmission
from tests.admin.pages import listed, page, words
from tests.core import connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]

EVIL = "<script>alert('rcs')</script>"
URL = "https://shop.example/1"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Hello\nyou", "Hello you"),
        (Text("Want it?", [Reply("Yes", "yes_1"), Reply("No")]), "Want it? Yes yes_1 No"),
        (Text("Go", [OpenUrl("Track", "t", url=URL)]), f"Track opens {URL} t"),
        (Text("Go", [Dial("Call", phone="+3726001234")]), "Call dials +3726001234"),
        (
            Text("Go", [ShowLocation("Shop", latitude=59.5, longitude=24.25, place="Viru")]),
            "Shop shows Viru 59.5, 24.25",
        ),
        (Text("Go", [RequestLocation("Where?")]), "Where? asks for the location"),
        (
            Text(
                "Go",
                [
                    CalendarEvent(
                        "Add", title="Fitting", start="2026-05-04T10:00:00Z", end="2026-05-04T11:00:00Z"
                    )
                ],
            ),
            "Add Fitting, 4 May 2026 10:00 to 4 May 2026 11:00",
        ),
        (
            Card("Boots", "Brown", Media(URL, alt="A pair"), [Reply("Keep")], chips=[Reply("Help")]),
            f"A pair {URL} Boots Brown Keep Help",
        ),
        (Carousel([Card("One"), Card("Two")], [Reply("More")]), "One Two More"),
        (File(URL), f"File: {URL}"),
        (File(uploaded="files/7"), "File: uploaded as files/7"),
        (Location(59.5, 24.25, "Shop"), "Shop 59.5, 24.25"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_content_is_shown_readably(boss, content, expected):
    message = send(content, connection(alias="alone"))
    assert expected in words(boss.get(page(message))).partition(" Content: ")[2].partition(" Status: ")[0]


@pytest.mark.parametrize(
    "content",
    [
        EVIL,
        Text("Hello", [Reply(EVIL, EVIL)]),
        Card(
            EVIL, EVIL, Media(f"https://shop.example/{EVIL}".replace(" ", ""), alt=EVIL), [Reply(EVIL, EVIL)]
        ),
        Text("Go", [OpenUrl("x", url=f'https://shop.example/"{EVIL}')]),
    ],
)
def test_no_content_becomes_markup(boss, content):
    row = connection()
    row.contact = Contact.objects.create(name=EVIL)
    row.save()
    message = send(content, row)
    transmission = message.transmissions.get()
    Transmission.objects.filter(pk=transmission.pk).update(
        reason=EVIL, detail=EVIL, lost=[EVIL], choices=[{"number": 1, "label": EVIL}]
    )
    transmission.events.create(kind="attempt", code=EVIL, detail=EVIL)
    pages = [page(each) for each in (message, transmission, row, row.contact)]
    pages += [listed(model) for model in ("message", "transmission", "connection", "contact")]
    for url in pages:
        content = boss.get(url).content.decode()
        assert "&lt;script&gt;" in content, url
        assert EVIL not in content, url


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", 'https://x.example/"><script>'])
def test_the_address_of_a_persons_file_leads_only_to_the_web(boss, url):
    message = receive("", connection(), fields={"url": url, "media_type": EVIL})
    content = boss.get(page(message)).content.decode()
    assert EVIL not in content
    assert '<script>"' not in content
    assert 'href="javascript:' not in content
    assert 'href="data:' not in content
    if url.startswith("https"):
        assert 'rel="noopener noreferrer nofollow"' in content


def test_what_an_app_and_a_person_wrote_is_escaped_in_json_too(boss):
    message = receive(EVIL, connection(), postback=EVIL, fields={EVIL: EVIL})
    Message.objects.filter(pk=message.pk).update(errors=[{"app": "shop", "error": EVIL}], handled_by=EVIL)
    for url in (page(message), listed("message")):
        assert EVIL not in boss.get(url).content.decode()
    assert "app error" in words(boss.get(page(message)))


@pytest.mark.parametrize("broken", [{"type": "hologram"}, {"type": "text"}, ["x"], "<script>x</script>"])
def test_content_that_cannot_be_read_is_shown_as_it_is(boss, broken):
    message = send("Hello", connection())
    Message.objects.filter(pk=message.pk).update(content=broken)
    response = boss.get(page(message))
    assert "This content cannot be read" in words(response)
    assert "<script>x" not in response.content.decode()


def test_answers_and_what_they_answer_are_linked(boss):
    asked = send(Text("Want it?", [Reply("Yes", "yes_1")]), connection())
    Transmission.objects.update(status=20)
    said = receive("Yes", connection(), postback="yes_1")
    assert f'href="{page(said)}"' in boss.get(page(asked)).content.decode()
    content = boss.get(page(said)).content.decode()
    assert f'href="{page(asked.transmissions.get())}"' in content
    assert "tapped Yes" in words(boss.get(page(said)))
