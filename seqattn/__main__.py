"""`python -m seqattn`: the command line."""

from importlib import import_module

if __name__ == "__main__":
    import_module("seqattn_cli.main").main()
