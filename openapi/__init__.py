"""The description of the HTTP API: `make openapi` writes it to docs/openapi.json.

Nothing in here is deployed or imported by a function, so it costs no cold start. Which routes there
are, which scope each asks for, and every code, limit and default are taken from the code that
answers; what words are needed beside that stands here, a module a subject.

To describe a new route, write its `Operation` (see `openapi.operation`) in the module of its
subject and name it in `openapi.document.OPERATIONS`; then run `make openapi`.
"""
