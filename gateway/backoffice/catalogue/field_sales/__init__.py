"""The field-sales API, one file per domain; ``sheet`` reads their tables of fields."""
