"""What differs by architecture: call numbers and argument order, registers, page-table and signal-frame format."""
