"""The phone in a browser: its calls, what it measures, what went over the wire, and its page."""
