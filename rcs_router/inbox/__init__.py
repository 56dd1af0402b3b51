"""What providers report and what people say: received, stored, and taken through the router apps.

`webhooks` verifies a request, `digest` stores and reads it, `dispatch` hands on what it tells, `incoming` stores
messages, `queue` claims them, and `route` asks the router apps. `media` fetches files, `forms` serves forms' pages.
"""
