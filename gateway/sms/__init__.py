"""SMS: stored before acknowledged, answered from rows, sent from rows."""
