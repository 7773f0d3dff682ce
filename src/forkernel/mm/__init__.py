"""Memory: address spaces and their areas, page tables, faults, copy-on-write, user memory."""
