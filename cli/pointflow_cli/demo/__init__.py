"""What `make run` shows: both jobs on the local AWS, from what is sent to what became of it.

Everything goes through the deployed stack and the code behind the commands. The demonstration
ends with an error when an answer is not the expected one, or when the points on the accounts are
not those that the results report.
"""
