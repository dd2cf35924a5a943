"""The local AWS: starts it on 127.0.0.1, deploys template.yaml to it, stops it without a trace."""
