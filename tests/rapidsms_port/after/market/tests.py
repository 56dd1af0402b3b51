from market.handlers import Join, Price, PriceOf
from market.models import Farmer
from rcs_router.testing import RCSTestCase


class MarketTest(RCSTestCase):
    apps = (Price, PriceOf, Join)

    def test_join_and_ask(self):
        self.plays("""
            +255754000001 > join Asha, Moshi
            +255754000001 < Welcome, Asha of Moshi.
            +255754000001 > price maize
            +255754000001 < maize: 310 a tonne
        """)
        assert str(self.rcs.inbound[0].contact) == "Asha"
        assert Farmer.objects.get().village == "Moshi"

    def test_one_handler(self):
        assert Price.test("price rice") == ["There is no price of rice."]

    def test_a_tap_and_the_number_in_an_sms_mean_the_same(self):
        self.plays("""
            +255754000001 > price
            +255754000001 < Which crop? [Maize|Beans]
            +255754000001 ! Beans
            +255754000001 < beans: 890 a tonne
            +255754000001 ~ sms
            +255754000001 > price
            +255754000001 < Which crop? [Maize|Beans]
            +255754000001 > 2
            +255754000001 < beans: 890 a tonne
        """)


class WholeProjectTest(RCSTestCase):
    def test_as_it_is_installed(self):
        self.plays("""
            +255754000001 > echo hello
            +255754000001 < hello
            +255754000001 > hello?
            +255754000001 < Sorry, Market did not get that. …
        """)
