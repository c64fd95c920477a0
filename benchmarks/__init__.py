"""What a step, a page and a turn cost. `make bench` writes docs/speed.md."""
