"""x86-64, 64-bit programs only."""
