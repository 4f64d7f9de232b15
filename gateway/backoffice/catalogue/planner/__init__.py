"""The planner's API (contracts/planner.yaml), one file per section."""
