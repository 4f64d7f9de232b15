"""Field sales: feedback."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import (
    NUMBER,
    OBJECT,
    TEXT,
    WHOLE,
    answer,
    many,
    on_all,
    on_one,
)
from gateway.backoffice.catalogue.field_sales.cells import (
    FINE,
    ID,
    LINK,
    NAME,
    NOTES,
    SHARE,
    SUM,
    Cell,
    first,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Flag, Ref, Whole
from gateway.backoffice.moments import Day
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import PAGING
from gateway.backoffice.records import Anything
from gateway.backoffice.resource import Input
from gateway.backoffice.rules.field_sales import feedback

VISIT_FEEDBACK = sheet(
    "/activity-feedback",
    PAGING,
    "ActivityFeedback",
    {
        "activity_type": first(NAME, must=True, find=True),
        "activity_id": first(NAME),
        "rep": first(Ref("rep"), must=True),
        "client": first(Ref("customer")),
        "rating": Cell(Whole(1, 5), must=True, find=True),
        "feedback_text": NOTES,
        "feedback_categories": Many(NAME),
        "sentiment": own(words("positive", "neutral", "negative")),
        "is_anonymous": first(Flag(), default=False),
        "source": first(
            words("mobile_app", "web_portal", "email", "sms", "phone"), default="mobile_app"
        ),
        "response_time": first(Whole()),
        "attachments": first(
            Many(Part({"file_url": LINK, "file_type": NAME, "file_size": Whole()}))
        ),
        "follow_up_required": Cell(Flag(), default=False),
        "follow_up_notes": NOTES,
    },
    name="visit_feedback",
    rules=Rules(feedback.create, feedback.change),
)

SURVEY_RESPONSE = sheet(
    "/activity-feedback-v2",
    PAGING,
    "ActivityFeedbackV2",
    {
        "activity_type": first(NAME, must=True, find=True),
        "activity_id": first(NAME),
        "rep": first(Ref("rep"), must=True),
        "client": first(Ref("customer")),
        "template_id": first(Ref("feedback_template"), must=True),
        "overall_satisfaction": Cell(Whole(1, 10), must=True, find=True),
        "responses": Many(
            Part(
                {
                    "question_id": NAME,
                    "question_text": NOTES,
                    "question_type": words("rating", "multiple_choice", "text", "yes_no", "scale"),
                    "response_value": Anything(),
                    "response_text": NOTES,
                }
            )
        ),
        "nps_score": Whole(0, 10),
        "sentiment_analysis": own(
            Part(
                {
                    "overall_sentiment": words(
                        "very_positive", "positive", "neutral", "negative", "very_negative"
                    ),
                    "confidence_score": SHARE,
                    "keywords": Many(NAME),
                }
            )
        ),
        "completion_time": first(Whole()),
        "completion_rate": own(SUM),
        "session_data": first(
            Part(
                {
                    "device_type": words("mobile", "desktop", "tablet"),
                    "browser": NAME,
                    "ip_address": NAME,
                    "location": Part({"country": NAME, "city": NAME}),
                }
            )
        ),
        "follow_up_actions": later(
            Many(
                Part(
                    {
                        "action_type": words("call", "email", "visit", "escalate"),
                        "priority": words("high", "medium", "low"),
                        "assigned_to": NAME,
                        "due_date": Day(),
                        "status": words("pending", "in_progress", "completed"),
                    }
                )
            )
        ),
        "is_anonymous": first(Flag(), default=False),
    },
    name="survey_response",
    rules=Rules(feedback.create_response, feedback.change_response),
)

FEEDBACK_TEMPLATE = sheet(
    "/feedback-options",
    PAGING,
    "FeedbackOptions",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "category": Cell(NAME, find=True),
        "template_type": first(words("survey", "rating", "nps", "custom"), must=True, find=True),
        "questions": Cell(
            Many(
                Part(
                    {
                        "question_id": NAME,
                        "question_text": NOTES,
                        "question_type": words(
                            "rating", "multiple_choice", "text", "yes_no", "scale", "nps"
                        ),
                        "is_required": Flag(),
                        "options": Many(Part({"value": NOTES, "label": NAME, "weight": FINE})),
                        "validation": Part(
                            {
                                "min_length": Whole(),
                                "max_length": Whole(),
                                "pattern": NAME,
                                "custom_validation": NAME,
                            }
                        ),
                        "display_settings": Part(
                            {
                                "show_labels": Flag(),
                                "orientation": words("horizontal", "vertical"),
                                "scale_min": Whole(),
                                "scale_max": Whole(),
                                "scale_step": Whole(),
                            }
                        ),
                        "conditional_logic": Part(
                            {
                                "show_if": Part(
                                    {
                                        "question_id": NAME,
                                        "operator": words(
                                            "equals", "not_equals", "greater_than", "less_than"
                                        ),
                                        "value": Anything(),
                                    }
                                )
                            }
                        ),
                    },
                    ("question_text", "question_type"),
                )
            ),
            must=True,
        ),
        "settings": Part(
            {
                "allow_anonymous": Flag(),
                "require_all_questions": Flag(),
                "show_progress": Flag(),
                "randomize_questions": Flag(),
                "max_completion_time": Whole(),
                "reminder_settings": Part(
                    {"send_reminders": Flag(), "reminder_intervals": Many(Whole())}
                ),
            }
        ),
        "styling": Part(
            {
                "theme": words("light", "dark", "custom"),
                "primary_color": NAME,
                "font_family": NAME,
                "custom_css": NOTES,
            }
        ),
        "notification_settings": Part(
            {
                "notify_on_completion": Flag(),
                "notify_on_low_rating": Flag(),
                "low_rating_threshold": Whole(1, 10),
                "notification_recipients": Many(NAME),
            }
        ),
        "is_active": Cell(Flag(), default=True, find=True),
        "usage_count": own(Whole()),
    },
    name="feedback_template",
)

RESOURCES = (
    VISIT_FEEDBACK,
    SURVEY_RESPONSE,
    FEEDBACK_TEMPLATE,
)
NOUNS = nouns(*RESOURCES)

_PERIOD = (
    Input("date_from", Day()),
    Input("date_to", Day()),
    Input("activity_type", NAME),
    Input("rep", ID),
)

ACTIONS = (
    on_all(
        "/activity-feedback/analytics",
        "feedbackAnalytics",
        feedback.analytics,
        "Tell what ratings add up to",
        method="GET",
        query=_PERIOD,
        shows=answer(
            total_feedback=WHOLE,
            average_rating=NUMBER,
            rating_distribution=OBJECT,
            by_activity_type=OBJECT,
        ),
    ),
    on_all(
        "/activity-feedback-v2/analytics/detailed",
        "detailedFeedbackAnalytics",
        feedback.detailed,
        "Tell satisfaction by day and by question",
        method="GET",
        query=(*_PERIOD, Input("template_id", ID)),
        shows=answer(
            summary=OBJECT, satisfaction_trends=many(OBJECT), question_analysis=many(OBJECT)
        ),
    ),
    on_one(
        FEEDBACK_TEMPLATE,
        "previewFeedbackTemplate",
        "/{id}/preview",
        feedback.preview,
        "Show a template as a form",
        method="GET",
        shows=answer(template_html=TEXT, estimated_completion_time=WHOLE, question_count=WHOLE),
    ),
    on_all(
        "/feedback-options/templates",
        "listPredefinedFeedbackTemplates",
        feedback.templates,
        "List templates to begin with",
        method="GET",
        query=(
            Input("category", NAME),
            Input("template_type", words("survey", "rating", "nps", "custom")),
        ),
        shows=many(OBJECT),
    ),
)
