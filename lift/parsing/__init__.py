"""From a tree's text to the front end's own syntax, by clang."""
