"""Templates for reading documents: one of them is the default."""

from __future__ import annotations

from gateway.backoffice.shop import Shop, Values


def create(shop: Shop, values: Values) -> int:
    """Store a template; when it is to be the default, no other one is any more."""
    template_id = shop.insert("ocr_job_template", values)
    _only(shop, template_id, values)
    return template_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a template; as :func:`create`."""
    shop.change("ocr_job_template", row["id"], values)
    _only(shop, row["id"], values)


def _only(shop: Shop, template_id: int, values: Values) -> None:
    if values.get("is_default"):
        for other in shop.where("ocr_job_template", is_default=True):
            if other["id"] != template_id:
                shop.change("ocr_job_template", other["id"], {"is_default": False})
