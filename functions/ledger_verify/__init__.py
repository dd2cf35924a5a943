"""Every quarter of an hour: go on proving that the ledger adds up."""
