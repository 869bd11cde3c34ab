"""The C front end: a kernel tree in, functions as terms out."""
