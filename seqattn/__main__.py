"""`python -m seqattn`: the command line."""

from seqattn_cli.main import main

if __name__ == "__main__":
    main()
