"""The AAA trail: what was done, by whom, in which community, with what result."""
