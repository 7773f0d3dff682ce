"""Tracepoints and their sinks. Anyone may fire an event; this room imports none of those above it."""
