"""One module a command: reads its arguments, calls services, prints the answer."""
