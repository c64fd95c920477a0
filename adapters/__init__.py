"""Other people's systems, and nothing else: ways to reach an office's data, each configured by data."""
