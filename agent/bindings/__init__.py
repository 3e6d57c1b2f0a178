"""YANG <-> core: one file for each YANG module of ours."""
