"""What is more than storing: plain functions ``(shop, ...)`` that resources and consumers name.

They run inside the caller's transaction, know no HTTP, and refuse with the errors of
``gateway.domain.errors`` and of ``refusal``.
"""
