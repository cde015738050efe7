"""The command line of seqattn, installed as `seqattn_cli`."""
