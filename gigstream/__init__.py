"""The command line and the local stack: it composes the other packages."""
