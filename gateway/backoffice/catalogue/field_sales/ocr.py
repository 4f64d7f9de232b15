"""Field sales: ocr."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.catalogue.field_sales.cells import (
    FINE,
    MONEY,
    NAME,
    NOTES,
    QUANTITY,
    SHARE,
    SUM,
    Cell,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Number, Ref, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import OFFSET
from gateway.backoffice.resource import Write
from gateway.backoffice.rules.field_sales import ocr, ocr_templates

#: When it is to be read; empty while nobody asked for it (``rules/field_sales/ocr_queue``).
_DUE = Cell(Moment(), write=Write.NEVER, hidden=True, find=True)

OCR_JOB_TEMPLATE = sheet(
    "/ocr-invoice-job-template",
    OFFSET,
    "OcrInvoiceJobTemplate",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "version": NAME,
        "ocrEngine": Cell(
            words("tesseract", "google-vision", "aws-textract", "azure-cognitive", "custom"),
            must=True,
        ),
        "documentType": Cell(words("invoice", "receipt", "bill", "statement", "other"), must=True),
        "extractionRules": Cell(
            Part(
                {
                    "fields": Many(
                        Part(
                            {
                                "name": NAME,
                                "type": words("text", "number", "date", "currency", "boolean"),
                                "required": Flag(),
                                "pattern": NAME,
                                "coordinates": Part(
                                    {"x": SUM, "y": SUM, "width": FINE, "height": FINE}
                                ),
                                "validation": Part(
                                    {"minLength": Whole(), "maxLength": Whole(), "format": NAME}
                                ),
                            }
                        )
                    ),
                    "lineItems": Part(
                        {
                            "enabled": Flag(),
                            "tableStructure": Part(
                                {
                                    "headerRow": Whole(),
                                    "dataStartRow": Whole(),
                                    "columns": Many(
                                        Part(
                                            {
                                                "name": NAME,
                                                "index": Whole(),
                                                "type": words("text", "number", "currency"),
                                            }
                                        )
                                    ),
                                }
                            ),
                        }
                    ),
                }
            ),
            must=True,
        ),
        "preprocessingSettings": Part(
            {
                "imageEnhancement": Flag(),
                "deskew": Flag(),
                "denoising": Flag(),
                "binarization": Flag(),
                "resolutionDPI": Whole(150, 600),
            }
        ),
        "postprocessingSettings": Part(
            {
                "spellCheck": Flag(),
                "confidenceThreshold": SHARE,
                "validationRules": Many(
                    Part(
                        {
                            "field": NAME,
                            "rule": words("required", "numeric", "date", "email", "currency"),
                            "message": NOTES,
                        }
                    )
                ),
            }
        ),
        "supportedFormats": Many(words("pdf", "png", "jpg", "jpeg", "tiff", "bmp")),
        "languages": Many(NAME),
        "accuracy": own(Part({"averageAccuracy": SHARE, "fieldAccuracy": Document()})),
        "isActive": Cell(Flag(), default=True),
        "isDefault": Cell(Flag(), default=False),
        "createdBy": NAME,
        "lastModifiedBy": NAME,
        "metadata": Document(),
    },
    name="ocr_job_template",
    rules=Rules(ocr_templates.create, ocr_templates.change),
)

OCR_JOB_GROUP = sheet(
    "/ocr-invoice-job-group",
    OFFSET,
    "OcrInvoiceJobGroup",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "batchNumber": NAME,
        "template": Cell(Ref("ocr_job_template"), must=True),
        "totalJobs": own(Whole(0), default=0),
        "completedJobs": own(Whole(0), default=0),
        "pendingJobs": own(Whole(0), default=0),
        "failedJobs": own(Whole(0), default=0),
        "status": own(
            words("created", "queued", "processing", "completed", "failed", "cancelled"),
            default="created",
        ),
        "priority": Cell(words("low", "medium", "high", "urgent"), default="medium"),
        "startedAt": own(Moment()),
        "completedAt": own(Moment()),
        "estimatedCompletionTime": own(Moment()),
        "processingSettings": Part(
            {
                "parallelJobs": Whole(1, 10),
                "retryCount": Whole(0, 5),
                "timeoutMinutes": Whole(5, 120),
            }
        ),
        "statistics": own(
            Part(
                {
                    "totalDocuments": Whole(),
                    "totalPages": Whole(),
                    "averageProcessingTime": SUM,
                    "successRate": SHARE,
                    "totalCost": MONEY,
                    "currency": NAME,
                }
            )
        ),
        "notifications": Part(
            {"onCompletion": Flag(), "onFailure": Flag(), "recipients": Many(NAME)}
        ),
        "createdBy": NAME,
        "assignedTo": NAME,
        "tags": Many(NAME),
        "metadata": Document(),
    },
    name="ocr_job_group",
)

OCR_JOB = sheet(
    "/ocr-invoice-job",
    OFFSET,
    "OcrInvoiceJob",
    {
        "jobNumber": Cell(NAME, must=True, unique=True),
        "documentName": Cell(NAME, must=True),
        "documentUrl": Cell(NOTES, must=True),
        "documentType": words("pdf", "png", "jpg", "jpeg", "tiff", "bmp"),
        "template": Cell(Ref("ocr_job_template"), must=True),
        "group": Ref("ocr_job_group"),
        "status": own(
            words("created", "queued", "processing", "completed", "failed", "cancelled"),
            default="created",
        ),
        "priority": Cell(words("low", "medium", "high", "urgent"), default="medium"),
        "progress": own(
            Part(
                {
                    "percentage": Number(2, Decimal(0), Decimal(100)),
                    "currentStep": NAME,
                    "totalSteps": Whole(),
                }
            )
        ),
        "startedAt": own(Moment()),
        "completedAt": own(Moment()),
        "processingTime": own(SUM),
        "documentInfo": own(
            Part(
                {
                    "pages": Whole(),
                    "size": Whole(),
                    "format": NAME,
                    "resolution": NAME,
                    "language": NAME,
                }
            )
        ),
        "extractedData": own(
            Part(
                {
                    "invoice": Part(
                        {
                            "number": NAME,
                            "date": Day(),
                            "dueDate": Day(),
                            "supplier": Part({"name": NAME, "address": NAME, "taxId": NAME}),
                            "customer": Part({"name": NAME, "address": NAME}),
                            "amounts": Part(
                                {"subtotal": SUM, "tax": SUM, "total": SUM, "currency": NAME}
                            ),
                        }
                    ),
                    "lineItems": Many(
                        Part(
                            {
                                "description": NOTES,
                                "quantity": QUANTITY,
                                "unitPrice": SUM,
                                "amount": SUM,
                            }
                        )
                    ),
                }
            )
        ),
        "confidence": own(Part({"overall": SHARE, "fields": Document()})),
        "validationResults": own(
            Part(
                {
                    "isValid": Flag(),
                    "errors": Many(
                        Part(
                            {
                                "field": NAME,
                                "message": NOTES,
                                "severity": words("error", "warning", "info"),
                            }
                        )
                    ),
                }
            )
        ),
        "cost": own(MONEY),
        "currency": own(NAME),
        "errorLog": own(NOTES),
        "retryCount": own(Whole(0)),
        "dueAt": _DUE,
        "createdBy": NAME,
        "metadata": Document(),
    },
    name="ocr_job",
    rules=Rules(ocr.create_job, ocr.change_job, ocr.remove_job),
)

OCR_JOB_PAGE = sheet(
    "/ocr-invoice-job-page",
    OFFSET,
    "OcrInvoiceJobPage",
    {
        "job": Cell(Ref("ocr_job"), must=True),
        "pageNumber": Cell(Whole(1), must=True),
        "pageUrl": Cell(NOTES, must=True),
        "status": own(
            words("pending", "processing", "completed", "failed", "skipped"), default="pending"
        ),
        "pageType": words("cover", "header", "content", "footer", "summary", "attachment"),
        "imageProperties": Part(
            {
                "width": Whole(),
                "height": Whole(),
                "dpi": Whole(),
                "colorSpace": words("rgb", "grayscale", "binary"),
                "format": words("png", "jpg", "jpeg", "tiff", "bmp"),
                "size": Whole(),
            }
        ),
        "preprocessing": own(
            Part(
                {
                    "enhanced": Flag(),
                    "deskewed": Flag(),
                    "denoised": Flag(),
                    "binarized": Flag(),
                    "rotationAngle": SUM,
                }
            )
        ),
        "ocrResults": own(
            Part(
                {
                    "text": NOTES,
                    "confidence": SHARE,
                    "words": Many(
                        Part(
                            {
                                "text": NOTES,
                                "confidence": SHARE,
                                "boundingBox": Part(
                                    {"x": SUM, "y": SUM, "width": FINE, "height": FINE}
                                ),
                            }
                        )
                    ),
                    "blocks": Many(
                        Part(
                            {
                                "text": NOTES,
                                "confidence": FINE,
                                "boundingBox": Part(
                                    {"x": SUM, "y": SUM, "width": FINE, "height": FINE}
                                ),
                                "blockType": words("text", "table", "image", "signature"),
                            }
                        )
                    ),
                }
            )
        ),
        "extractedFields": own(Document()),
        "tableData": own(
            Many(
                Part(
                    {
                        "rowIndex": Whole(),
                        "columnIndex": Whole(),
                        "cellText": NAME,
                        "confidence": FINE,
                        "boundingBox": Part({"x": SUM, "y": SUM, "width": FINE, "height": FINE}),
                    }
                )
            )
        ),
        "processingTime": own(SUM),
        "startedAt": own(Moment()),
        "completedAt": own(Moment()),
        "errorLog": own(NOTES),
        "retryCount": own(Whole(0)),
        "dueAt": _DUE,
        "qualityScore": own(SHARE),
        "annotations": Many(
            Part(
                {
                    "type": words("correction", "highlight", "note", "region"),
                    "text": NOTES,
                    "coordinates": Part({"x": SUM, "y": SUM, "width": FINE, "height": FINE}),
                    "createdBy": NAME,
                    "createdAt": Moment(),
                }
            )
        ),
        "metadata": Document(),
    },
    name="ocr_job_page",
)

RESOURCES = (
    OCR_JOB_TEMPLATE,
    OCR_JOB_GROUP,
    OCR_JOB,
    OCR_JOB_PAGE,
)
NOUNS = nouns(*RESOURCES)
