"""What the use cases need of the world, a module a subject. Adapters fulfil it; tests bring fakes.

All reads are consistent unless said otherwise. Whatever changes something may be called twice,
or twice at once, and then changes nothing the second time.
"""
