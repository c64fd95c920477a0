"""What to say: the menu language, the dialogue machine and the screens. Pure: no I/O, no clock, no randomness."""
