"""The configuration as Junos writes it: one hierarchy, mapped one to one on ours, in four formats."""
