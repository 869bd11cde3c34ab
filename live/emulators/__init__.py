"""The emulators in which a kernel is run."""
