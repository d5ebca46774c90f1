"""The command line and the local stack: composes the other packages; nobody imports it."""
