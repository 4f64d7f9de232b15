"""The back office's tables on the product's one metadata, next to those of ``storage.tables``.

Importing this module declares them, as importing a module of ``storage.tables`` does.
"""

from __future__ import annotations

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.tables import build_tables
from gateway.storage.tables import identity, metadata

#: ``identity`` declares what nouns refer to (garages, their people).
REFERS_TO = (identity.tenant, identity.shop_user)

#: Noun name -> table.
TABLES = build_tables(DECLARATIONS.nouns, metadata)
