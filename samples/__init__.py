"""Sample corpora of seqattn: data files and the scripts that write them, no code to import."""
