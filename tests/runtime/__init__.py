"""Every event in events/ on the real Lambda runtime interface, against the local AWS."""
