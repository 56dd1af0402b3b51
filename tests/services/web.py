"""The web server of the service tests: webhooks and the emulator in one process, until it is stopped."""

import os
import threading

import django


def main() -> None:
    django.setup()
    import tests.services.celery
    from rcs_backends.emulator.server import start

    tests.services.celery.app.set_default()  # the example project, whose settings may be used, has an app of its own
    with start(port=int(os.environ["RCS_WEB_PORT"])):
        threading.Event().wait()


if __name__ == "__main__":
    main()
