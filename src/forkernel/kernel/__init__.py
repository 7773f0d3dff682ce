"""Tasks and what happens to them: fork, exec, exit, wait, signals, scheduling, time. One subject a file."""
