"""``python -m lamevidence``: the same program as the ``lamevidence`` command."""

from lamevidence.cli.app import main

if __name__ == "__main__":
    main()
