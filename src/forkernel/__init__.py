"""Forkernel: a Linux process kernel in Python that runs real programs on an emulated CPU."""
