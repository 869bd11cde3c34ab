"""From the front end's syntax to terms: the abstract machine."""
