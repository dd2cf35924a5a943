"""The only place that wires adapters to use cases, a module a job.

A function imports the module of its job alone: its cold start brings nothing of the others.
"""
