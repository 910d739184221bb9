"""`python3 -m aica`: the program run from a checkout."""

import sys

if __name__ == "__main__":
    try:
        from .cli import main
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # before main() could answer it
        sys.exit(130)
