"""JSON over HTTP in; the same steps that Python callers and the admin take, and what there is to read, out."""
