"""People: their identities, connections and consent, and when and how often they may be reached.

`identities` and `numbering` normalize a phone number, `connections` finds or creates its rows, `recipients` reads the
recipients of `send()`, and `linking` joins identities of one person. `consent`, `caps` and `quiet` decide what may
leave.
"""
