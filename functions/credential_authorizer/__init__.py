"""Lets requests to the API in: Basic or x-api-key, and the scope that the route asks for."""
