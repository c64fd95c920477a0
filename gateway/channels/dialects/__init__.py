"""One aggregator's request and reply format each: pure, unaware of each other."""
