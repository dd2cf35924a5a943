"""The `pointflow` command: the same against the local AWS and a real one."""

__version__ = "0.1.0"
