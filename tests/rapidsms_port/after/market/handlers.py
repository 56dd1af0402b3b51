from market.models import Farmer
from rcs_router.content import Reply, Text
from rcs_router.handlers import KeywordHandler, PostbackHandler
from rcs_router.models import Contact

PRICES = {"maize": 310, "beans": 890}


class Price(KeywordHandler):
    keyword = "price"

    def help(self):
        crops = tuple(Reply(crop.title(), f"price_{crop}") for crop in PRICES)
        self.respond(Text("Which crop?", crops))

    def handle(self, text):
        crop = text.strip().lower()
        if crop in PRICES:
            self.respond(f"{crop}: {PRICES[crop]} a tonne")
        else:
            self.respond_error(f"There is no price of {crop}.")


class PriceOf(PostbackHandler):
    prefix = "price_"

    def handle(self, key):
        Price(self.msg).handle(key)


class Join(KeywordHandler):
    keyword = "join|register"

    def help(self):
        self.respond("Send JOIN, your name and your village: JOIN Asha, Moshi")

    def handle(self, text):
        name, _, village = text.partition(",")
        contact = Contact.objects.create(name=name.strip())
        self.msg.connection.contact = contact
        self.msg.connection.save()
        Farmer.objects.create(contact=contact, village=village.strip())
        self.respond(f"Welcome, {name.strip()} of {village.strip()}.")
