from market.handlers import JoinHandler, PriceHandler
from rapidsms.tests.harness import RapidTest
from rapidsms.tests.scripted import TestScriptMixin


class MarketTest(TestScriptMixin, RapidTest):
    handlers = (PriceHandler, JoinHandler)

    def test_join_and_ask(self):
        self.runScript("""
            255754000001 > join Asha, Moshi
            255754000001 < Welcome, Asha of Moshi.
            255754000001 > price maize
            255754000001 < maize: 310 a tonne
        """)
        assert self.inbound[0].connections[0].contact.name == "Asha"

    def test_one_handler(self):
        assert PriceHandler.test("price rice") == ["There is no price of rice."]
