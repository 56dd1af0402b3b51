"""The REST API: the same steps that Python code and the admin take, as JSON over HTTP. Start reading at `urls`."""
