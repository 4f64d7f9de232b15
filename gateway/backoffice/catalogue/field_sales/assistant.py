"""Field sales: assistant."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import OBJECT, answer, many, on_one
from gateway.backoffice.catalogue.field_sales.cells import (
    MONEY,
    NAME,
    NOTES,
    SHARE,
    SUM,
    Cell,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import nouns, sheet
from gateway.backoffice.kinds import Document, Ref, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Mention, Part
from gateway.backoffice.profiles.field_sales import OFFSET
from gateway.backoffice.rules.field_sales import suggestions

SUGGESTED_ORDER = sheet(
    "/activity-ai-sales-order",
    OFFSET,
    "ActivityAiSalesOrder",
    {
        "client": Cell(Ref("customer"), must=True),
        "rep": Cell(Ref("rep"), must=True),
        "activityType": Cell(
            words(
                "recommendation", "order-analysis", "demand-forecasting", "cross-sell", "upsell"
            ),
            must=True,
        ),
        "inputData": Part(
            {
                "historicalOrders": Many(
                    Part(
                        {
                            "orderId": NAME,
                            "date": Moment(),
                            "items": Many(
                                Part(
                                    {
                                        "product": Mention("product"),
                                        "quantity": Whole(),
                                        "price": SUM,
                                    }
                                )
                            ),
                        }
                    )
                ),
                "clientPreferences": Document(),
                "marketData": Document(),
                "inventoryLevels": Document(),
            }
        ),
        "aiModel": Part(
            {"name": NAME, "version": NAME, "confidence": SHARE, "parameters": Document()}
        ),
        "recommendations": own(
            Many(
                Part(
                    {
                        "product": Mention("product"),
                        "productName": NAME,
                        "quantity": Whole(1),
                        "price": MONEY,
                        "confidence": SHARE,
                        "reason": NOTES,
                        "category": words(
                            "frequent-buy", "seasonal", "cross-sell", "upsell", "new-product"
                        ),
                        "priority": Whole(1, 10),
                    }
                )
            )
        ),
        "insights": own(
            Part(
                {
                    "buyingPatterns": Many(NAME),
                    "seasonality": Document(),
                    "riskFactors": Many(NAME),
                    "opportunities": Many(NAME),
                }
            )
        ),
        "status": own(
            words("processing", "completed", "failed", "cancelled"), default="processing"
        ),
        "processingTime": own(SUM),
        "accuracy": own(Part({"historical": SHARE, "estimated": SHARE})),
        "feedback": Part(
            {
                "userRating": Whole(1, 5),
                "acceptedRecommendations": Many(NAME),
                "rejectedRecommendations": Many(NAME),
                "comments": NOTES,
            }
        ),
        "generatedOrder": own(
            Part(
                {
                    "orderId": NAME,
                    "items": Many(
                        Part({"product": Mention("product"), "quantity": Whole(), "price": SUM})
                    ),
                    "totalAmount": SUM,
                }
            )
        ),
        "metadata": Document(),
    },
    name="suggested_order",
)

RESOURCES = (SUGGESTED_ORDER,)
NOUNS = nouns(*RESOURCES)

ACTIONS = (
    on_one(
        SUGGESTED_ORDER,
        "generateAIRecommendations",
        "/{id}/generate",
        suggestions.generate,
        "Suggest an order from the client's own history",
        shows=answer(recommendations=many(OBJECT)),
    ),
)
