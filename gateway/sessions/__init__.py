"""What a USSD dialogue is kept in between two turns."""
