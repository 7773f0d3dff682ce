"""Sockets: what all families share, and the families (Linux: net/)."""
