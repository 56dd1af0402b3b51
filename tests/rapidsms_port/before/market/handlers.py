from market.models import Farmer
from rapidsms.contrib.handlers import KeywordHandler
from rapidsms.models import Contact

PRICES = {"maize": 310, "beans": 890}


class PriceHandler(KeywordHandler):
    keyword = "price"

    def help(self):
        self.respond("Send PRICE and a crop: maize, beans.")

    def handle(self, text):
        crop = text.strip().lower()
        if crop in PRICES:
            self.respond(f"{crop}: {PRICES[crop]} a tonne")
        else:
            self.respond_error(f"There is no price of {crop}.")


class JoinHandler(KeywordHandler):
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
