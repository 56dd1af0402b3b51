INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "rapidsms",
    "rapidsms.contrib.handlers",
    "rapidsms.contrib.default",
    "market",
]
INSTALLED_BACKENDS = {
    "kannel": {
        "ENGINE": "rapidsms.backends.kannel.KannelBackend",
        "sendsms_url": "http://localhost:13013/cgi-bin/sendsms",
        "sendsms_params": {"smsc": "operator", "from": "12345", "username": "market", "password": "secret"},
    },
}
RAPIDSMS_ROUTER = "rapidsms.router.celery.CeleryRouter"
RAPIDSMS_HANDLERS = [
    "rapidsms.contrib.echo.handlers.echo.EchoHandler",
    "market.handlers.PriceHandler",
    "market.handlers.JoinHandler",
]
PROJECT_NAME = "Market"
DEFAULT_RESPONSE = "Sorry, %(project_name)s did not get that. Send PRICE or JOIN."
