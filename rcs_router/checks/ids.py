"""A problem's id and sentence in; Django's message with its hint out. docs/settings.md has a table of all ids.

001-099 are about RCS_BACKENDS, 101-199 about RCS_ROUTER, 201-299 about what surrounds them. An id keeps its meaning.
"""

from django.core.checks import CheckMessage, Error, Warning

from rcs_router.backends import KEYS
from rcs_router.outbox.drain import MARGIN

HINTS = {
    "E001": "Write RCS_BACKENDS = {alias: {'BACKEND': …, 'OPTIONS': {…}}}.",
    "E002": "An alias is part of the webhook's address: 1 to 60 of A-Z a-z 0-9 - and _, the first no - or _.",
    "E003": "Give each alias a dict with BACKEND and OPTIONS.",
    "E004": f"Known keys are {', '.join(KEYS)}; a provider's own settings belong into OPTIONS.",
    "E005": "BACKEND is the dotted path of a class, e.g. 'rcs_backends.google_rbm.GoogleRBM'.",
    "E006": "Correct the path, or install what the module imports.",
    "E007": "Name a class that derives from rcs_router.contract.BaseBackend.",
    "E008": "OPTIONS is a dict of the provider's settings.",
    "E009": "Correct the option's name; the backend's page in docs/backends lists all of them.",
    "E010": "Add the option; the backend's page in docs/backends says where to get its value.",
    "E011": "The backend's page in docs/backends says which values the option takes.",
    "E012": "The backend refused its options when it was made.",
    "E013": "The backend has looked at its options; its page in docs/backends explains them.",
    "E014": "FALLBACK is a list of aliases, tried in order.",
    "E015": "Name only aliases that RCS_BACKENDS has.",
    "E016": "Take the alias itself out of its FALLBACK list.",
    "E017": "Name each alias once: a message travels on each backend once.",
    "E018": "Write RATE as 'number/s', 'number/m' or 'number/h', or leave it out for no limit.",
    "E019": "See rcs_router.contract.Traffic.",
    "E020": "RETRY_DELAYS is a list of seconds, one for each further attempt; [] means a single attempt.",
    "E021": "Empty FALLBACK, or tell the provider not to fall back: with both, a person gets the message twice.",
    "E022": "Give the provider more than 0 seconds to answer.",
    "E023": f"Make LEASE longer than the backend's timeout and {MARGIN:g} s, else no request would ever leave.",
    "E024": "Write the name of the brand that the backend speaks for, or leave BRAND out: then all are of one brand.",
    "E025": "Fall back to a backend of the same BRAND (configure the gateway once for each): whoever refused one "
    "brand has not refused the other.",
    "E026": "FALLBACK_AFTER is a number of seconds, or a dict of traffic type and seconds; None means no deadline.",
    "E027": "SILENT_AFTER is a number of seconds above 0.",
    "E028": "Write what this backend answers in the place of RCS_ROUTER's reply; '' where the provider answers.",
    "E029": "Strip it where you read it: what comes from a file or a shell often ends in a line break.",
    "W001": "The backend's page in docs/backends says what is safe; where nobody else can listen, silence the check.",
    "E101": "Write RCS_ROUTER = {'APPS': […], …}.",
    "E102": "Correct the key's name; docs/settings.md lists all of them.",
    "E103": "docs/settings.md says what the key holds; for one with several values write a list, even of one.",
    "E104": "docs/settings.md says what the key may be.",
    "E105": "Correct the path, or mend what the module does when it is imported.",
    "E106": "APPS lists classes that derive from rcs_router.phases.RouterApp or a handler of rcs_router.handlers.",
    "E107": "An app is made once, without arguments, when the process starts.",
    "E108": "Give the handler what it answers to, else it never answers.",
    "E109": "Name an alias of RCS_BACKENDS, or leave it out for the first one.",
    "E110": "Use two capital letters as in ISO 3166, e.g. 'EE'.",
    "E111": "Write the address below which rcs_router.urls is included, e.g. 'https://shop.example/rcs/'.",
    "E112": "A word ends the offers, brings them back or asks for help: take it out of all lists but one.",
    "E113": "Write the word as people type it; case, punctuation and emoji around it make no difference.",
    "E115": "Write `def dispatch(cls, msg)`: there is no `router` as in RapidSMS; use rcs_router.send.",
    "E116": "A pattern is a media type, or one with a * in it: 'image/png', 'image/*'.",
    "E117": "Name a storage of Django's STORAGES.",
    "E118": "Strip it where you read it: a monitor cannot send it like that.",
    "E119": "Add the word to OPT_OUT_WORDS too: the list only says which of them are ordinary answers as well.",
    "W101": "Set RCS_ROUTER['PUBLIC_URL'], else providers cannot be told where to report to.",
    "W102": "Use https: webhooks carry phone numbers, messages and, with some providers, the secret.",
    "W103": "The app that is listed first answers; the others are never asked.",
    "W104": "List each app once, else it answers twice.",
    "W105": "List the longer prefix first.",
    "W106": "Consent takes this word, and the app never sees it; use another one, take it out of the list of words, or "
    "name it in OPT_OUT_WORDS_AFTER_OFFERS.",
    "W107": "List rcs_router.handlers.DefaultResponse last in APPS.",
    "W108": "Set it to None, else anyone who can send a file can have your internal network asked.",
    "W109": "Set MEDIA_ROOT, or MEDIA_STORAGE to another storage, or MEDIA_FETCH to False.",
    "W115": "List it first, or narrow what stands before it: the app that is listed first answers.",
    "W116": "List it after all other apps: those behind it are never asked what to say by default.",
    "E201": "Use PostgreSQL or SQLite: a batch is claimed with a statement that other databases lack.",
    "E202": "Install SQLite 3.35 or newer: batches are claimed with RETURNING.",
    "E203": "Set USE_TZ = True: due times are compared with the database's clock.",
    "E204": "Let db_for_write() name one database for all models of rcs_router: a batch is claimed, settled and routed "
    "in one transaction.",
    "E205": "Let allow_migrate() return True for rcs_router there, then run manage.py migrate --database=….",
    "E206": "Put both tables into one database, or give the field db_constraint=False: a database checks no key of "
    "another one.",
    "E207": "Name an alias that DATABASES has.",
    "W201": "The router's tasks are always sent to the broker: run a Celery worker, or manage.py rcs_worker.",
    "W202": "Add **rcs_router.schedule.BEAT_SCHEDULE to beat_schedule and run celery beat; or run manage.py rcs_tick "
    "from cron, and list rcs_router.W202 in SILENCED_SYSTEM_CHECKS.",
    "W203": "Set CONN_MAX_AGE (or a pool): a new connection for each webhook makes intake six times slower.",
    "W204": "Add path('rcs/', include('rcs_router.urls')) to the URLs.",
    "W211": "Write PUBLIC_URL as the world sees the address below which rcs_router.urls is included. Where a proxy "
    "takes something off the path, set FORCE_SCRIPT_NAME to that, or list rcs_router.W211 in SILENCED_SYSTEM_CHECKS.",
}


def found(key: str, message: str) -> CheckMessage:
    kind = Warning if key.startswith("W") else Error
    return kind(message, hint=HINTS[key], id=f"rcs_router.{key}")
