"""Chaos: real worker processes on a real database, random faults, and a proof from the ledger and from what was done."""
