"""ActivityCreditFunction: rows from CreditQueue become points on members' accounts."""
