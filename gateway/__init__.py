"""Everything that touches the telecom side, the clock and our own storage."""
