"""One file per command of the command line; heavy imports wait until the command runs."""
