"""Simulated offices: HTTP services with believable data, each as its vendor would have built it."""
