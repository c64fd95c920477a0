"""SMPP 3.4 as an ESME, without a socket and without a clock: bytes and the time come in as arguments."""
