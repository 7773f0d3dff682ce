"""Facts of the Linux ABI: numbers, flags, struct layouts. Data only; behaviour lives in the other rooms."""
