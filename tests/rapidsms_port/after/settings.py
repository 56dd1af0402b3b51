import os

SECRET_KEY = "replace me"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("MARKET_DB", "market.sqlite3")}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "urls"
USE_TZ = True
MEDIA_ROOT = "media"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rcs_router",
    "market",
]
RCS_BACKENDS = {
    "market": {
        "BACKEND": "rcs_backends.gsma_maap.GSMAMaaP",
        "OPTIONS": {
            "api_url": "https://maap.operator.example/rcs/bot/v1",
            "bot_id": "market",
            "token": "secret",
            "webhook_secret": "another-secret",
        },
        "FALLBACK": ["kannel"],
    },
    "kannel": {
        "BACKEND": "rcs_backends.kannel.Kannel",
        "OPTIONS": {
            "url": "http://localhost:13013/cgi-bin/sendsms",
            "username": "market",
            "password": "secret",
            "webhook_secret": "another-secret",
            "sender": "12345",
        },
    },
}
RCS_ROUTER = {
    "APPS": [
        "rcs_router.handlers.Echo",
        "market.handlers.Price",
        "market.handlers.PriceOf",
        "market.handlers.Join",
        "rcs_router.handlers.DefaultResponse",
    ],
    "DEFAULT_RESPONSE": "Sorry, Market did not get that. Send PRICE or JOIN.",
    "PUBLIC_URL": "https://market.example/rcs/",
}
