"""The outside world: it talks to the gateway over the wire."""
