"""The only code that knows boto3. Requests are built in pure functions."""
