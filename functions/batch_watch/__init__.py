"""Every few minutes: look after the submissions that stand still."""
