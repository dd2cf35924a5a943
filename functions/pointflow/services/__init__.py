"""Use cases. Each takes ports, never a client, and knows nothing of AWS."""
