"""The telecom side of a USSD session, an aggregator a module, written from its documents and not from our dialects."""
