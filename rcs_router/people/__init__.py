"""Who is written to and who writes: identities, connections, consent, and when and how often people may be reached.

`identities` and `numbering` bring a phone number into one form, `connections` finds or creates its rows, `recipients`
reads what `send()` is given, and `linking` joins identities of one person. `consent`, `caps` and `quiet` say what may
leave.
"""
