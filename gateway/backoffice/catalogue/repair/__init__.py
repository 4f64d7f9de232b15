"""The repair API (contracts/repair.yaml), one file per section of it."""
