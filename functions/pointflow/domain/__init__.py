"""Pure rules and the values they work on: no AWS, no clock, no environment."""
