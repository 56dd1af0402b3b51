"""The example shop, held to a script: carousel, card, taps by either road, a form, a place and a file."""

from typing import Any

import pytest

from example_project import settings as shop
from rcs_router.testing import World

PHONE = "+37255501234"


@pytest.fixture
def project(settings: Any) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = shop.RCS_BACKENDS, shop.RCS_ROUTER
    settings.SHOP_URL = "https://shop.example"


def test_a_customer_of_the_shop(rcs: World) -> None:
    rcs.plays(f"""
        {PHONE} > menu
        {PHONE} < Trail boots 129 EUR [Tell me more] Rain jacket … Tent for two … [Our shop|Call us]
        {PHONE} ! menu_boots
        {PHONE} < Trail boots 129 EUR [Buy]
        {PHONE} > what?
        {PHONE} < Sorry, we did not get that. Write MENU or HELP.
        {PHONE} > fitting
        {PHONE} < Try your boots on We keep a chair and a coffee for you. [Choose a day]
    """)
    phone = rcs.handset(PHONE)
    phone.fills_in("fitting", name="Kati", day="2027-03-01")
    phone.hears("Booked: 2027-03-01. See you, Kati!", "ready.wav")
    phone.loses_rcs()
    phone.says("menu tent")
    phone.hears(
        "Tent for two 249 EUR …: https://shop.example/static/shop/tent.png Buy: https://shop.example/"
    )
    phone.says("STOP")
    phone.hears("You will get no more offers from us. …")
