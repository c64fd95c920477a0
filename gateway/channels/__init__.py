"""How messages reach us and leave us: dialects are pure, `http` is the shell around them."""
