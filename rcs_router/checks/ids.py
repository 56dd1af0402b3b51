"""Define the ids and hints of the system checks. docs/settings.md has a table of all ids.

001-099 are about RCS_BACKENDS, 101-199 about RCS_ROUTER, 201-299 about the project. An id keeps its meaning.
"""

from django.core.checks import CheckMessage, Error, Warning

from rcs_router.backends import KEYS
from rcs_router.outbox.drain import MARGIN

HINTS = {
    "E001": "Set RCS_BACKENDS = {alias: {'BACKEND': …, 'OPTIONS': {…}}}; see docs/settings.md#rcs_backends.",
    "E002": "Use 1 to 60 of A-Z a-z 0-9 - and _, beginning with a letter or digit: the alias is part of the webhook's "
    "URL.",
    "E003": "Give each alias a dict with BACKEND and OPTIONS.",
    "E004": f"Use only the keys {', '.join(KEYS)}; put the provider's own settings into OPTIONS.",
    "E005": "Set BACKEND to the dotted path of a class, e.g. 'rcs_backends.google_rbm.GoogleRBM'.",
    "E006": "Correct the path, or install what the module imports.",
    "E007": "Set BACKEND to a subclass of rcs_router.contract.BaseBackend.",
    "E008": "Set OPTIONS to a dict of the provider's settings; see the backend's page in docs/backends/.",
    "E009": "Correct the option's name; the backend's page in docs/backends/ lists all options.",
    "E010": "Add the option; the backend's page in docs/backends/ says where to get its value.",
    "E011": "Correct the value; the backend's page in docs/backends/ says which values the option accepts.",
    "E012": "Correct the options; the backend's page in docs/backends/ explains them.",
    "E013": "Correct the options; the backend's page in docs/backends/ explains them.",
    "E014": "Set FALLBACK to a list of aliases; they are tried in order.",
    "E015": "Name only aliases in RCS_BACKENDS.",
    "E016": "Remove the alias from its own FALLBACK list.",
    "E017": "Name each alias once: a message is sent on each backend only once.",
    "E018": "Set RATE to 'number/s', 'number/m' or 'number/h', or remove it for no limit.",
    "E019": "Set TRAFFIC to a value of rcs_router.contract.Traffic, e.g. 'transaction'; see "
    "docs/settings.md#rcs_backends.",
    "E020": "Set RETRY_DELAYS to a list of seconds, one for each retry; [] means a single attempt.",
    "E021": "Remove FALLBACK, or tell the provider not to fall back: with both, a person gets the message twice.",
    "E022": "Set the timeout to more than 0 seconds.",
    "E023": f"Make LEASE longer than the backend's timeout and {MARGIN:g} s, otherwise no request is ever sent.",
    "E024": "Set BRAND to the brand's name (at most 60 characters), or remove it: then all backends belong to one "
    "brand.",
    "E025": "Fall back to a backend of the same BRAND (configure the gateway once for each brand): a person who "
    "refused one brand must not get its messages from another.",
    "E026": "Set FALLBACK_AFTER to a number of seconds, or a dict of traffic types and seconds; None means no "
    "deadline.",
    "E027": "Set SILENT_AFTER to a number of seconds above 0.",
    "E028": "Set the reply to a text that replaces RCS_ROUTER's reply for this backend, or to '' where the provider "
    "answers.",
    "E029": "Strip the value where you read it: a value from a file or a shell often ends in a line break.",
    "W001": "See the backend's page in docs/backends/. Silence the check if nobody else can read the network's "
    "traffic.",
    "E101": "Set RCS_ROUTER = {'APPS': […], …}; see docs/settings.md#rcs_router.",
    "E102": "Correct the key's name; docs/settings.md#rcs_router lists all keys.",
    "E103": "Set the type that docs/settings.md#rcs_router gives; a key with several values needs a list, even for "
    "one value.",
    "E104": "Set a value that docs/settings.md#rcs_router allows.",
    "E105": "Correct the path, or fix the error that the module raises when it is imported.",
    "E106": "List only subclasses of rcs_router.phases.RouterApp or of a handler in rcs_router.handlers.",
    "E107": "Make sure that the class can be called without arguments: each process creates the app once, when it "
    "starts.",
    "E108": "Set the handler's keyword, prefix or pattern; without a valid one it never answers.",
    "E109": "Set an alias of RCS_BACKENDS, or remove the key to use the first one.",
    "E110": "Set two capital letters as in ISO 3166, e.g. 'EE'.",
    "E111": "Set the URL at which rcs_router.urls is included, e.g. 'https://shop.example/rcs/'.",
    "E112": "Keep the word in one list only: it can end promotions, allow them again, or ask for help.",
    "E113": "Write a word with a letter or digit; upper case, punctuation and emoji are ignored in comparisons.",
    "E115": "Write `def dispatch(cls, msg)`, without RapidSMS's `router` argument; call rcs_router.send instead.",
    "E116": "Write a media type, or one with a *: 'image/png', 'image/*'.",
    "E117": "Set an alias of Django's STORAGES.",
    "E118": "Strip the value where you read it: a monitor cannot send such a token.",
    "E119": "Add the word to OPT_OUT_WORDS too: this list only names those of them that are ordinary answers as well.",
    "W101": "Set RCS_ROUTER['PUBLIC_URL']: it is the start of the URLs that providers send receipts and messages to.",
    "W102": "Use https: webhooks carry phone numbers, messages and, with some providers, the secret.",
    "W103": "Remove the keyword from one of them: only the handler that is listed first answers.",
    "W104": "List each app once, otherwise it answers twice.",
    "W105": "List the longer prefix first.",
    "W106": "Use another word, remove this one from OPT_OUT_WORDS or HELP_WORDS, or add an opt-out word to "
    "OPT_OUT_WORDS_AFTER_OFFERS: the router answers this word, and the handler never gets it.",
    "W107": "List rcs_router.handlers.DefaultResponse last in APPS.",
    "W108": "Set it to None, otherwise anyone who can send a file can make this server send requests into your "
    "network.",
    "W109": "Set MEDIA_ROOT, or MEDIA_STORAGE to another storage, or MEDIA_FETCH to False.",
    "W115": "List this handler before the other, or make the other match less: the handler that is listed first "
    "answers.",
    "W116": "List DefaultResponse last: the default() of apps after it is never called.",
    "E201": "Use PostgreSQL or SQLite: the statement that claims a batch needs one of them; see docs/databases.md.",
    "E202": "Install SQLite 3.35 or newer: the statement that claims a batch uses RETURNING.",
    "E203": "Set USE_TZ = True: due times are compared with the database's clock.",
    "E204": "Return the same database from db_for_write() for all models of rcs_router: a batch is claimed, settled "
    "and routed in one transaction. See docs/databases.md.",
    "E205": "Return True from allow_migrate() for rcs_router in that database, then run manage.py migrate "
    "--database=….",
    "E206": "Put both tables into one database, or give the field db_constraint=False: a foreign key cannot refer to "
    "another database. See docs/databases.md.",
    "E207": "Return an alias of DATABASES from db_for_write().",
    "W201": "Run a Celery worker, or manage.py rcs_worker: the router's tasks always go to the broker.",
    "W202": "Add **rcs_router.schedule.BEAT_SCHEDULE to beat_schedule and run celery beat; or run manage.py rcs_tick "
    "from cron, and list rcs_router.W202 in SILENCED_SYSTEM_CHECKS.",
    "W203": "Set CONN_MAX_AGE, or use a pool: a new connection for each webhook makes intake six times slower.",
    "W204": "Add path('rcs/', include('rcs_router.urls')) to the project's URLs.",
    "W211": "Set PUBLIC_URL to the public URL at which rcs_router.urls is included. If a proxy removes a part of the "
    "path, set FORCE_SCRIPT_NAME to that part, or list rcs_router.W211 in SILENCED_SYSTEM_CHECKS.",
}


def found(key: str, message: str) -> CheckMessage:
    kind = Warning if key.startswith("W") else Error
    return kind(message, hint=HINTS[key], id=f"rcs_router.{key}")
