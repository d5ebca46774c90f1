"""`python -m gigstream` is the console script."""

from gigstream.cli import main

if __name__ == "__main__":
    main()
