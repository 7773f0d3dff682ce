"""Boot: process 0, kthreadd, process 1."""
