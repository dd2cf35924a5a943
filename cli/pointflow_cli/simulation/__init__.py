"""The loyalty platform in small: its pushes, its cadence, and what became of them.

`plan` makes the pushes, `platform` delivers and repeats them, `api` is the way to the endpoint,
`report` says how it went.
"""
