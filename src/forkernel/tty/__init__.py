"""Terminals: the tty core, the line discipline, pseudo-terminals, the console."""
