"""A shop that talks to its customers with rcs_router; `python manage.py demo` shows it at work."""

from example_project.celery import app as celery_app

__all__ = ["celery_app"]
