"""The Django app of the example: it has pictures, a page and the `demo` command, but no models."""

from django.apps import AppConfig


class ExampleConfig(AppConfig):
    name = "example_project"
    verbose_name = "Example shop"
