"""The handset page in Chromium: what wires send is seen, and what a person clicks reaches the emulator."""

import io
import os
import re
import shutil
import uuid
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from rcs_backends.emulator import server
from rcs_backends.emulator.phones import Card, Media, Message, Suggestion
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google.store import GoogleStore, StoredFile
from rcs_backends.emulator.wires import wires

pytestmark = pytest.mark.services

MARI, OLEV = "+37255501234", "+37255501238"
DEADLINE = 10  # seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = "no-first-run disable-gpu disable-quic disable-sync disable-background-networking disable-component-update"
LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
DESKTOP, PHONE = (1440, 900), (390, 844)


class Page:
    """The page as a person meets it; all waiting has a deadline."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, size: tuple[int, int] = DESKTOP) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get(f"{self.url}/emulator/")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        waiting = WebDriverWait(
            self.driver, DEADLINE, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: condition(), what)

    def all(self, selector: str, number: str = "") -> list[WebElement]:
        scope = f'.phone[data-number="{number}"] ' if number else ""
        return self.driver.find_elements(By.CSS_SELECTOR, scope + selector)

    def find(self, selector: str, number: str = "") -> WebElement:
        """The first visible one, as soon as there is one."""
        found = self.until(
            lambda: [each for each in self.all(selector, number) if each.is_displayed()], selector
        )
        first: WebElement = found[0]
        return first

    def text(self, selector: str, number: str = "") -> list[str]:
        """Read in one go, so that nothing is redrawn between two of them."""
        script = "return Array.from(arguments[0], (node) => node.innerText)"
        texts: list[str] = self.until(
            lambda: [self.driver.execute_script(script, self.all(selector, number))], selector
        )[0]
        return texts

    def gone(self, selector: str, number: str = "") -> None:
        self.until(
            lambda: not any(each.is_displayed() for each in self.all(selector, number)), f"no {selector}"
        )


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    chromedriver = shutil.which("chromedriver")
    if not binary or not chromedriver:
        pytest.fail(
            "These tests need Chromium and chromedriver (Debian: apt install chromium chromium-driver)."
        )
    options = ChromeOptions()
    options.binary_location = binary
    profile = tmp_path_factory.mktemp("chromium")
    for argument in [
        "--headless=new",
        *(f"--{each}" for each in QUIET.split()),
        LOOPBACK,
        f"--user-data-dir={profile}",
    ]:
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    started = Chrome(options=options, service=Service(chromedriver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with server.start() as running:
        yield running.url


@pytest.fixture
def page(driver: Chrome, base: str) -> Iterator[Page]:
    world.forget(config=True)
    world.configure({"google": {"verify_tokens": False, "agents": {"acme": {}}}, "delivery_delay": 0.0})
    yield Page(driver, base)
    driver.get("about:blank")  # no page of one test asks anything during the next
    world.forget(config=True)


def google(page: Page, number: str, content: dict[str, Any]) -> None:
    """Send a message as a client of Google RBM does."""
    url = f"{page.url}/emulator/google/v1/phones/{number}/agentMessages"
    answer = requests.post(
        url,
        params={"messageId": str(uuid.uuid4()), "agentId": "acme"},
        json={"contentMessage": content, "messageTrafficType": "TRANSACTION"},
        timeout=5,
    )
    assert answer.status_code == 200, answer.text


def handset(page: Page, number: str, **keys: object) -> None:
    answer = requests.post(f"{page.url}/emulator/handsets/", json={"number": number, **keys}, timeout=5)
    assert answer.status_code in (200, 201), answer.text


def picture(page: Page) -> dict[str, Any]:
    url = f"{page.url}/static/rcs_emulator/sample.png"
    return {"height": "MEDIUM", "contentDescription": "Hills at dusk", "contentInfo": {"fileUrl": url}}


def card(title: str, *labels: str, **more: object) -> dict[str, Any]:
    return {"title": title, "suggestions": [reply(label) for label in labels], **more}


def reply(label: str) -> dict[str, Any]:
    return {"reply": {"text": label, "postbackData": f"data:{label}"}}


def standalone(content: dict[str, Any], orientation: str = "VERTICAL") -> dict[str, Any]:
    return {"richCard": {"standaloneCard": {"cardOrientation": orientation, "cardContent": content}}}


def carousel(page: Page) -> dict[str, Any]:
    cards = [card(f"Boot {each}", f"Buy {each}", media=picture(page)) for each in range(4)]
    return {"richCard": {"carouselCard": {"cardWidth": "MEDIUM", "cardContents": cards}}}


def put(number: str, message: Message) -> None:
    """Lay a message on a phone that no wire would let through."""
    with world.change():
        world.handset(number).messages[message.id] = message


def said(number: str) -> list[Message]:
    return [each for each in world.handset(number).messages.values() if each.direction == "out"]


def test_a_card_is_shown_with_its_picture_and_buttons(page: Page) -> None:
    google(
        page, MARI, standalone(card("Winter boots", "Buy", "Later", description="Warm", media=picture(page)))
    )
    page.open()
    image = page.find(".card img", MARI)
    page.until(
        lambda: page.driver.execute_script("return arguments[0].naturalWidth > 0", image), "a loaded picture"
    )
    assert image.get_attribute("alt") == "Hills at dusk"
    assert image.size["height"] == 168
    assert page.text(".card h3", MARI) == ["Winter boots"]
    assert page.text(".card-button", MARI) == ["Buy", "Later"]


def test_a_horizontal_card_has_its_picture_beside_its_words(page: Page) -> None:
    google(page, MARI, standalone(card("Parcel", "Open", media=picture(page)), "HORIZONTAL"))
    page.open()
    image, words = page.find(".card img", MARI).rect, page.find(".card h3", MARI).rect
    assert image["x"] + image["width"] <= words["x"]


def test_a_picture_that_does_not_load_is_replaced_by_its_alt_text(page: Page) -> None:
    broken = {**picture(page), "contentInfo": {"fileUrl": f"{page.url}/nothing-here.png"}}
    google(page, MARI, standalone(card("Boots", media=broken)))
    page.open()
    assert page.find(".missing", MARI).text == "Hills at dusk"
    assert page.all(".card img", MARI) == []


def test_a_carousel_scrolls_to_its_last_card_by_its_arrows(page: Page) -> None:
    google(page, MARI, carousel(page))
    page.open()
    scroller = page.find(".cards", MARI)
    assert not page.all(".arrow.left", MARI)[0].is_displayed()
    for _ in range(3):
        before = scroller.get_property("scrollLeft")
        page.find(".arrow.right", MARI).click()
        page.until(
            lambda before=before: scroller.get_property("scrollLeft") > before + 50, "a scrolled carousel"
        )
    page.gone(".arrow.right", MARI)
    edge = scroller.rect["x"] + scroller.rect["width"]
    last = page.all(".card", MARI)[-1].rect
    assert last["x"] + last["width"] <= edge


def test_a_tapped_chip_reaches_the_emulator_and_the_chips_go(page: Page) -> None:
    google(page, MARI, {"text": "Keep it?", "suggestions": [reply("Keep"), reply("Return")]})
    page.open()
    assert page.find(".chips", MARI).text.split("\n") == ["Keep", "Return"]
    page.all(".chip", MARI)[1].click()
    assert world.wait_for(lambda: [each.text for each in said(MARI)] == ["Return"], DEADLINE)
    page.until(lambda: page.text(".row.out .bubble", MARI) == ["Return"], "the answer as a bubble")
    assert page.all(".chip", MARI) == []


def test_a_cards_button_stays_and_is_marked_once_tapped(page: Page) -> None:
    google(page, MARI, carousel(page))
    page.open()
    page.find(".card-button", MARI).click()
    assert world.wait_for(lambda: [each.text for each in said(MARI)] == ["Buy 0"], DEADLINE)
    page.find('.card-button[data-tapped="true"]', MARI)
    assert len(page.all(".card-button", MARI)) == 4


def test_an_address_opens_in_a_new_tab_that_knows_nothing_of_the_page(page: Page) -> None:
    url = f"{page.url}/static/rcs_emulator/icon.svg"
    action = {"action": {"text": "Track", "postbackData": "t", "openUrlAction": {"url": url}}}
    google(page, MARI, {"text": "On its way", "suggestions": [action]})
    page.open()
    home = page.driver.current_window_handle
    page.find(".chip", MARI).click()
    page.until(lambda: len(page.driver.window_handles) == 2, "a second tab")
    page.driver.switch_to.window(next(each for each in page.driver.window_handles if each != home))
    try:
        page.until(lambda: page.driver.current_url == url, url)
        assert page.driver.execute_script("return window.opener") is None
    finally:
        page.driver.close()
        page.driver.switch_to.window(home)


def test_dialling_is_shown_in_a_sheet(page: Page) -> None:
    action = {"action": {"text": "Call", "postbackData": "c", "dialAction": {"phoneNumber": "+3726001234"}}}
    google(page, MARI, {"text": "Questions?", "suggestions": [action]})
    page.open()
    page.find(".chip", MARI).click()
    assert page.find("dialog dd").text == "+3726001234"
    page.find("dialog button").click()
    page.gone("dialog")


def test_the_rcs_switch_switches(page: Page) -> None:
    handset(page, MARI)
    page.open()
    switch = page.find(".switch.rcs", MARI)
    assert switch.get_attribute("aria-checked") == "true"
    switch.click()
    assert world.wait_for(lambda: not world.handset(MARI).rcs, DEADLINE)
    page.until(lambda: switch.get_attribute("aria-checked") == "false", "a switch that is off")


def test_airplane_mode_holds_messages_back_until_it_ends(page: Page) -> None:
    handset(page, MARI)
    page.open()
    page.find(".switch.airplane", MARI).click()
    assert world.wait_for(lambda: not world.handset(MARI).online, DEADLINE)
    google(page, MARI, {"text": "Are you there?", "suggestions": [reply("Yes")]})
    page.find('.row[data-state="waiting"]', MARI)
    assert page.all(".chip", MARI) == []
    page.find(".switch.airplane", MARI).click()
    page.find('.row[data-state="delivered"]', MARI)
    page.find(".chip", MARI)


def test_ticks_go_from_one_to_two_to_coloured(page: Page) -> None:
    handset(page, MARI, online=False)
    google(page, MARI, {"text": "Hello"})
    page.open()
    page.find('.ticks[data-state="waiting"] .first', MARI)
    assert not page.all(".ticks .second", MARI)[0].is_displayed()
    handset(page, MARI, online=True)
    page.find('.ticks[data-state="delivered"] .second', MARI)
    grey = page.find(".ticks", MARI).value_of_css_property("color")
    assert page.find(".unread", MARI).text == "1"
    page.find(".bubble", MARI).click()
    page.find('.ticks[data-state="read"] .second', MARI)
    assert page.find(".ticks", MARI).value_of_css_property("color") != grey
    page.gone(".unread", MARI)


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_what_was_taken_back_is_struck_through_and_says_so(page: Page, state: str) -> None:
    put(MARI, Message("m1", "google", "acme", MARI, text="Code 123456", state=state))
    page.open()
    assert page.find(".word", MARI).text == state
    assert "line-through" in page.find(".content", MARI).value_of_css_property("text-decoration")


def test_typing_shows_and_ends_with_the_message(page: Page) -> None:
    handset(page, MARI)
    page.open()
    url = f"{page.url}/emulator/google/v1/phones/{MARI}/agentEvents"
    params = {"eventId": str(uuid.uuid4()), "agentId": "acme"}
    answer = requests.post(url, params=params, json={"eventType": "IS_TYPING"}, timeout=5)
    assert answer.status_code == 200, answer.text
    page.find(".typing", MARI)
    google(page, MARI, {"text": "Here I am"})
    page.gone(".typing", MARI)


def test_typed_text_focus_and_place_survive_new_messages(page: Page) -> None:
    for line in range(30):
        google(page, MARI, {"text": f"Line {line}"})
    page.open()
    page.until(lambda: len(page.all(".row", MARI)) == 30, "30 messages")
    talk, say = page.find(".talk", MARI), page.find(".say", MARI)
    say.send_keys("half a sent")
    page.driver.execute_script("arguments[0].scrollTop = 40", talk)
    google(page, MARI, {"text": "One more"})
    page.until(lambda: len(page.all(".row", MARI)) == 31, "31 messages")
    page.find(".jump", MARI)
    assert talk.get_property("scrollTop") == 40
    assert page.driver.switch_to.active_element == say
    say.send_keys("ence", Keys.ENTER)
    assert world.wait_for(lambda: [each.text for each in said(MARI)] == ["half a sentence"], DEADLINE)
    page.until(lambda: say.get_property("value") == "", "an empty field")


def test_a_senders_markup_stays_text_and_only_web_addresses_are_fetched_or_opened(page: Page) -> None:
    markup = '<img src=x onerror="document.title=1"><b>bold</b> javascript:alert(1)'
    evil = "javascript:document.title=1"
    put(MARI, Message("m1", "google", "acme", MARI, text=markup, state="delivered"))
    put(MARI, Message("m2", "google", "acme", MARI, kind="file", media=Media(evil), state="delivered"))
    tap = Suggestion(markup, "open_url", "p", {"url": evil})
    shown = Card(title=markup, description=markup, media=Media(evil, alt=markup), suggestions=[tap])
    put(MARI, Message("m3", "google", "acme", MARI, kind="card", cards=[shown], state="delivered"))
    page.open()
    assert page.find(".bubble.text", MARI).text == markup
    assert page.find(".missing", MARI).text == markup
    assert page.all(".row img, .row b, .row a", MARI) == []
    page.find(".card-button", MARI).click()
    assert "not a web address" in page.find("#toast").text
    assert len(page.driver.window_handles) == 1


def test_an_sms_is_green_and_says_that_it_is_one(page: Page) -> None:
    params = {
        "username": "tester",
        "password": "foobar",
        "to": MARI,
        "from": "1550",
        "text": "1) Keep\n2) Return",
    }
    answer = requests.get(f"{page.url}/emulator/kannel/cgi-bin/sendsms", params=params, timeout=5)
    assert answer.status_code == 202, answer.text
    google(page, MARI, {"text": "The same by RCS"})
    page.open()
    page.until(lambda: len(page.all(".row", MARI)) == 2, "two messages")
    assert page.find(".row.sms .tag", MARI).text == "SMS"
    assert page.all(".row.rcs .tag", MARI) == []
    sms, rcs = page.all(".bubble", MARI)
    assert sms.value_of_css_property("background-color") != rcs.value_of_css_property("background-color")


def test_a_phone_is_added_and_its_menu_unsubscribes(page: Page) -> None:
    page.open()
    page.find("#nothing")
    page.find("#add").click()
    page.find("dialog [name=number]").send_keys(OLEV)
    page.find("dialog [name=name]").send_keys("Olev", Keys.ENTER)
    page.until(lambda: page.text(".who h2") == ["Olev"], "the new phone")
    page.gone("dialog")
    page.find(".menu summary", OLEV).click()
    page.find(".menu button", OLEV).click()
    assert world.wait_for(lambda: world.handset(OLEV).unsubscribed, DEADLINE)


def test_a_fault_is_set_and_removed_in_the_panel(page: Page) -> None:
    page.open()
    page.find("#panel-toggle").click()
    Select(page.find("#panel [name=on]")).select_by_value("webhook")
    Select(page.find("#panel [name=kind]")).select_by_visible_text("late")
    page.find("#panel form .primary").click()
    page.until(lambda: page.text(".faults b") == ["webhook: late"], "the fault in the list")
    assert [each["kind"] for each in world.faults.as_json()] == ["late"]
    page.find(".faults button").click()
    page.until(lambda: page.text(".faults b") == [], "an empty list")
    assert world.faults.as_json() == []


def test_nothing_overflows_a_phone_wide_screen(page: Page) -> None:
    google(page, MARI, standalone(card("W" * 200, "W" * 25, media=picture(page)), "HORIZONTAL"))
    google(page, MARI, carousel(page))
    google(
        page, MARI, {"text": "W" * 300, "suggestions": [reply("W" * 24 + str(each)) for each in range(10)]}
    )
    put_form(
        title="W" * 100, fields=[field("W" * 60, "select", options=("W" * 90,)), field("W" * 60, "checkbox")]
    )
    sound = Media("https://a.invalid/" + "W" * 90, name="W" * 90)
    put(MARI, Message("s1", "google", "acme", MARI, kind="audio", media=sound, state="delivered"))
    handset(page, OLEV, name="A person with quite a long name that does not fit", anonymous=True)
    page.open(PHONE)
    page.until(lambda: len(page.all(".row", MARI)) == 5, "five messages")
    widths = (
        "return [document.documentElement.scrollWidth, document.querySelector('.chosen .talk').scrollWidth]"
    )
    assert page.driver.execute_script(widths) == [390, 390]
    assert [each.get_attribute("data-number") for each in page.all(".phone") if each.is_displayed()] == [MARI]
    page.all("#tabs button")[1].click()
    assert [each.get_attribute("data-number") for each in page.all(".phone") if each.is_displayed()] == [OLEV]
    page.find("#panel-toggle").click()
    assert page.driver.execute_script(widths) == [390, 390]


# What only other wires than Google's and Kannel's carry


def field(
    name: str, kind: str = "text", *, required: bool = False, options: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {"name": name, "label": name.title(), "type": kind, "required": required, "options": list(options)}


ORDER: list[dict[str, Any]] = [
    field("who", required=True),
    field("size", "select", required=True, options=("41", "42")),
    field("when", "date"),
    field("mail", "email"),
    field("phone", "phone"),
    field("count", "number"),
    field("gift", "checkbox"),
]


def put_form(**more: Any) -> Message:
    form = {
        "id": "f1",
        "title": "Your order",
        "text": "A minute.",
        "submit": "Order",
        "postback": "o7",
        "fields": ORDER,
    }
    message = Message("f1", "rest", "shop", MARI, kind="form", form={**form, **more}, state="delivered")
    put(MARI, message)
    return message


def test_a_sound_shows_its_name_and_length_and_says_that_it_cannot_be_played(page: Page) -> None:
    media = Media(f"{page.url}/nothing-here.mp3", media_type="audio/mpeg", name="Hello.mp3", seconds=73)
    put(MARI, Message("a1", "google", "acme", MARI, kind="audio", media=media, state="delivered"))
    page.open()
    assert page.find(".sound", MARI).text.split("\n") == ["Hello.mp3", "1:13"]
    play = page.find(".sound button", MARI)
    assert play.get_attribute("aria-label") == "Play Hello.mp3"
    play.click()
    page.until(lambda: page.text(".sound small", MARI) == ["cannot be played"], "a word about the sound")


def silence(seconds: int) -> bytes:
    """A WAV file."""
    held = io.BytesIO()
    with wave.open(held, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * seconds)
    return held.getvalue()


@pytest.mark.parametrize("kind", ["audio", "file"])
def test_a_sound_plays_and_pauses(page: Page, kind: str) -> None:
    with world.change():
        world.store(GoogleStore).files["files/s1"] = StoredFile("acme", "audio/wav", silence(9))
    media = Media(f"{page.url}/emulator/google/files/s1", media_type="audio/wav", name="Silence.wav")
    put(MARI, Message("a1", "google", "acme", MARI, kind=kind, media=media, state="delivered"))
    page.open()
    play = page.find(".sound button", MARI)
    play.click()
    page.until(lambda: play.get_attribute("aria-label") == "Pause Silence.wav", "a button to pause")
    page.until(lambda: page.text(".sound small", MARI)[0].endswith(" / 0:09"), "the time")
    play.click()
    page.until(lambda: play.get_attribute("aria-label") == "Play Silence.wav", "a button to go on")


def test_a_sound_that_is_nowhere_on_the_web_has_no_button(page: Page) -> None:
    media = Media("javascript:document.title=1", name="Hello.mp3")
    put(MARI, Message("a1", "google", "acme", MARI, kind="audio", media=media, state="delivered"))
    page.open()
    assert page.find(".sound", MARI).text.startswith("Hello.mp3")
    assert page.all(".sound button, .sound a", MARI) == []


def test_a_place_has_its_label_its_coordinates_and_a_link_to_a_map(page: Page) -> None:
    place = Message("p1", "google", "acme", MARI, kind="location", text="Acme", location=(59.437, 24.75))
    place.state = "delivered"
    put(MARI, place)
    page.open()
    shown = page.find("a.place", MARI)
    assert shown.text.split("\n") == ["Acme", "59.437, 24.75"]
    assert shown.get_attribute("href") == "geo:59.437,24.75"


def test_a_form_is_filled_in_on_the_phone(page: Page) -> None:
    message = put_form()
    page.open()
    page.find(".form", MARI)
    assert [each.strip() for each in page.text(".form label b", MARI)] == ["*", "*"]
    types = [each.get_attribute("type") for each in page.all(".form input", MARI)]
    assert types == ["text", "date", "email", "tel", "number", "checkbox"]
    page.find(".form [name=who]", MARI).send_keys("Mari")
    page.find(".form button", MARI).click()  # the size is missing: the browser keeps it
    Select(page.find(".form [name=size]", MARI)).select_by_visible_text("42")
    page.find(".form [name=count]", MARI).send_keys("2")
    page.find(".form [name=gift]", MARI).click()
    said_so = requests.get(f"{page.url}/emulator/handsets/{MARI}/messages/", timeout=5).json()["messages"]
    assert "answer" not in said_so[0]["form"]
    page.find(".form button", MARI).click()
    assert world.wait_for(lambda: "answer" in (message.form or {}), DEADLINE)
    assert message.form is not None
    assert message.form["answer"] == {"who": "Mari", "size": "42", "count": 2, "gift": True}
    assert page.find(".form .sent", MARI).text == "✓ Sent"
    assert page.text(".form dd", MARI) == ["Mari", "42", "2", "yes"]
    assert page.all(".form input", MARI) == []


def test_what_a_form_holds_already_survives_new_messages(page: Page) -> None:
    put_form()
    page.open()
    page.find(".form [name=who]", MARI).send_keys("Ma")
    google(page, MARI, {"text": "Take your time"})
    page.until(lambda: len(page.all(".row", MARI)) == 2, "two messages")
    page.find(".form [name=who]", MARI).send_keys("ri")
    assert page.find(".form [name=who]", MARI).get_property("value") == "Mari"


@pytest.mark.parametrize(
    ("kind", "detail", "shown"),
    [
        ("dial", {"phone": "+372600", "mode": "video", "subject": "Boots"}, ["+372600", "video", "Boots"]),
        ("show_location", {"query": "boot shops"}, ["boot shops"]),
        ("compose_text", {"phone": "+372600", "text": "Hello"}, ["+372600", "Hello"]),
        ("compose_recording", {"phone": "+372600", "type": "audio"}, ["+372600", "audio"]),
    ],
)
def test_what_the_phone_would_do_is_shown_in_a_sheet(
    page: Page, kind: str, detail: dict[str, str], shown: list[str]
) -> None:
    chip = Suggestion("Do it", kind, "p", detail)
    put(MARI, Message("m1", "google", "acme", MARI, text="So?", suggestions=[chip], state="delivered"))
    page.open()
    assert page.find(".chip svg", MARI)
    page.find(".chip", MARI).click()
    page.find("dialog dd")
    assert page.text("dialog dd") == shown
    assert world.wait_for(lambda: chip.tapped, DEADLINE)


def test_mixed_conversations_say_whose_provider_speaks(page: Page) -> None:
    put(MARI, Message("m1", "google", "acme", MARI, text="One", state="delivered"))
    put(MARI, Message("m2", "kannel", "1550", MARI, channel="sms", text="Two", state="delivered"))
    page.open()
    page.until(
        lambda: page.text(".sender", MARI) == ["acme · google · RCS", "1550 · kannel · SMS"], "two senders"
    )
    options = page.text(".to option", MARI)
    assert options[0].startswith("1550 · kannel · SMS")
    assert "acme · google · RCS" in options


def test_a_phone_becomes_anonymous_in_its_menu(page: Page) -> None:
    handset(page, MARI)
    page.open()
    page.find(".menu summary", MARI).click()
    page.find(".switch.anonymous", MARI).click()
    assert world.wait_for(lambda: world.handset(MARI).anonymous, DEADLINE)
    page.until(lambda: page.text(".number", MARI) == [f"{MARI} · anonymous"], "a word by the number")


def test_the_panel_offers_every_provider(page: Page) -> None:
    page.open()
    page.find("#panel-toggle").click()
    options = ["all", *wires()]
    page.until(lambda: page.text("#panel [name=provider] option") == options, "every provider")


def test_the_page_names_no_other_host_and_writes_no_markup() -> None:
    here = Path(server.__file__).parent
    files = [*(here / "static").rglob("*"), *(here / "templates").rglob("*.html")]
    texts = {each.name: each.read_text() for each in files if each.suffix in {".js", ".css", ".html"}}
    assert len(texts) > 5
    forbidden = re.compile(
        r"https?://(?!www\.w3\.org/)|innerHTML|outerHTML|insertAdjacentHTML|document\.write"
    )
    assert [name for name, text in texts.items() if forbidden.search(text)] == []
