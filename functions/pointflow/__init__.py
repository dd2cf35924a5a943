"""First-party code that every pointflow function shares."""
