"""Every route of the API but the push: one module a resource.

`app` finds the route, `request` reads what the caller sent, `answer` shapes what goes back, and a
module such as `expirations` holds the handlers of its resource.
"""
