"""The same three operations on FastAPI, SQLAlchemy's ORM and uvicorn, over the same tables.

Written as its manuals show: models, sessions, eager loading, pydantic for bodies and answers. It
checks the token, keeps to the garage, counts, sums by VAT rate and answers the same members.

    python -m benchmarks.peers.shop DATABASE PORT
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Annotated, Any, ClassVar

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import ForeignKey, create_engine, event, func, select, text
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
)

from gateway.storage.columns import Amount, UtcDateTime

CENT = Decimal("0.01")


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {Decimal: Amount(2), datetime: UtcDateTime}


class Token(Base):
    __tablename__ = "api_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_user_id: Mapped[int]
    tenant_id: Mapped[int]
    secret_hash: Mapped[bytes]


class User(Base):
    __tablename__ = "shop_user"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]


class Customer(Base):
    __tablename__ = "backoffice_customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    first_name: Mapped[str]
    last_name: Mapped[str | None]
    deleted_at: Mapped[datetime | None]


class Line(Base):
    __tablename__ = "backoffice_invoice_line"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("backoffice_invoice.id"))
    description: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Amount(3))
    unit_price: Mapped[Decimal]
    vat_rate: Mapped[Decimal]


class Quotation(Base):
    __tablename__ = "backoffice_quotation"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("backoffice_invoice.id"))


class Invoice(Base):
    __tablename__ = "backoffice_invoice"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    invoice_number: Mapped[str | None]
    status: Mapped[str]
    customer_id: Mapped[int] = mapped_column(ForeignKey("backoffice_customer.id"))
    work_order_id: Mapped[int | None]
    invoice_date: Mapped[date]
    due_date: Mapped[date | None]
    total_excl: Mapped[Decimal]
    total_incl: Mapped[Decimal]
    amount_paid: Mapped[Decimal]
    amount_credited: Mapped[Decimal]
    sent_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    recurring_invoice_id: Mapped[int | None]
    customer: Mapped[Customer] = relationship()
    lines: Mapped[list[Line]] = relationship(order_by=Line.id)
    quotations: Mapped[list[Quotation]] = relationship(viewonly=True)


class LineIn(BaseModel):
    description: str
    qty: Decimal = Decimal(1)
    unit_price: Decimal
    vat_rate: Decimal = Decimal(21)


class InvoiceIn(BaseModel):
    customer_id: int
    invoice_date: date
    due_date: date | None = None
    lines: list[LineIn]


class LineOut(BaseModel):
    id: int
    description: str
    qty: float
    unit_price: float
    vat_rate: float
    total_excl: float
    total_incl: float


class VatOut(BaseModel):
    rate: float
    base: float
    vat: float


class NameOut(BaseModel):
    id: int
    name: str


class InvoiceOut(BaseModel):
    id: int
    invoice_number: str | None
    status: str
    customer: NameOut
    work_order_id: int | None
    invoice_date: date
    due_date: date | None
    lines: list[LineOut]
    subtotal_excl: float
    vat_breakdown: list[VatOut]
    total_vat: float
    total_incl: float
    amount_paid: float
    amount_credited: float
    outstanding: float
    sent_at: datetime | None
    paid_at: datetime | None
    quotation_id: int | None
    recurring_invoice_id: int | None
    created_at: datetime


class PageOut(BaseModel):
    data: list[InvoiceOut]
    current_page: int
    last_page: int
    per_page: int
    total: int


engine = create_engine(f"sqlite:///{sys.argv[1]}", connect_args={"check_same_thread": False})
Sessions = sessionmaker(engine)
app = FastAPI()


@event.listens_for(engine, "connect")
def _prepare(connection: Any, _: object) -> None:
    for setting in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        "busy_timeout=5000",
        "synchronous=NORMAL",
    ):
        connection.execute(f"PRAGMA {setting}")


def opened() -> Iterator[Session]:
    with Sessions() as session:
        yield session


Opened = Annotated[Session, Depends(opened)]


def signed_in(session: Opened, authorization: Annotated[str, Header()]) -> int:
    number, _, secret = authorization.removeprefix("Bearer ").partition("|")
    token = session.get(Token, int(number))
    if token is None or token.secret_hash != sha256(secret.encode()).digest():
        raise HTTPException(401, "Unauthenticated.")
    user = session.get(User, token.shop_user_id)
    if user is None:
        raise HTTPException(401, "Unauthenticated.")
    return user.tenant_id


Garage = Annotated[int, Depends(signed_in)]


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def by_rate(lines: list[Line]) -> dict[Decimal, Decimal]:
    groups: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    for line in lines:
        groups[line.vat_rate] += cents(line.quantity * line.unit_price)
    return groups


def shown(invoice: Invoice) -> InvoiceOut:
    lines = []
    for line in invoice.lines:
        net = cents(line.quantity * line.unit_price)
        gross = net + cents(net * line.vat_rate / 100)
        lines.append(
            LineOut(
                id=line.id,
                description=line.description,
                qty=float(line.quantity),
                unit_price=float(line.unit_price),
                vat_rate=float(line.vat_rate),
                total_excl=float(net),
                total_incl=float(gross),
            )
        )
    breakdown = [
        VatOut(rate=float(rate), base=float(base), vat=float(cents(base * rate / 100)))
        for rate, base in by_rate(invoice.lines).items()
    ]
    person = invoice.customer
    owed = invoice.total_incl - invoice.amount_paid - invoice.amount_credited
    return InvoiceOut(
        id=invoice.id,
        invoice_number=invoice.invoice_number,
        status=invoice.status,
        customer=NameOut(id=person.id, name=f"{person.first_name} {person.last_name}"),
        work_order_id=invoice.work_order_id,
        invoice_date=invoice.invoice_date,
        due_date=invoice.due_date,
        lines=lines,
        subtotal_excl=float(invoice.total_excl),
        vat_breakdown=breakdown,
        total_vat=float(invoice.total_incl - invoice.total_excl),
        total_incl=float(invoice.total_incl),
        amount_paid=float(invoice.amount_paid),
        amount_credited=float(invoice.amount_credited),
        outstanding=float(owed if invoice.status in {"sent", "overdue"} else 0),
        sent_at=invoice.sent_at,
        paid_at=invoice.paid_at,
        quotation_id=next((one.id for one in invoice.quotations), None),
        recurring_invoice_id=invoice.recurring_invoice_id,
        created_at=invoice.created_at,
    )


@app.get("/invoices")
def listed(session: Opened, garage: Garage, customer_id: int, page: int = 1) -> PageOut:
    wanted = (Invoice.tenant_id == garage, Invoice.customer_id == customer_id)
    total = session.scalar(select(func.count()).select_from(Invoice).where(*wanted)) or 0
    rows = session.scalars(
        select(Invoice)
        .where(*wanted)
        .options(
            selectinload(Invoice.customer),
            selectinload(Invoice.lines),
            selectinload(Invoice.quotations),
        )
        .order_by(Invoice.id.desc())
        .limit(50)
        .offset((page - 1) * 50)
    ).all()
    return PageOut(
        data=[shown(row) for row in rows],
        current_page=page,
        last_page=-(-total // 50),
        per_page=50,
        total=total,
    )


@app.post("/invoices", status_code=201)
def created(session: Opened, garage: Garage, body: InvoiceIn) -> InvoiceOut:
    person = session.get(Customer, body.customer_id)
    if person is None or person.tenant_id != garage or person.deleted_at is not None:
        raise HTTPException(422, "The customer_id field is invalid.")
    stamps = {
        "tenant_id": garage,
        "created_at": datetime.now(UTC),
        "updated_at": datetime.now(UTC),
    }
    lines = [
        Line(
            **stamps,
            description=line.description,
            quantity=line.qty,
            unit_price=line.unit_price,
            vat_rate=line.vat_rate,
        )
        for line in body.lines
    ]
    groups = by_rate(lines)
    net = sum(groups.values(), Decimal())
    tax = sum((cents(base * rate / 100) for rate, base in groups.items()), Decimal())
    invoice = Invoice(
        **stamps,
        status="draft",
        customer=person,
        invoice_date=body.invoice_date,
        due_date=body.due_date,
        total_excl=net,
        total_incl=net + tax,
        amount_paid=Decimal(),
        amount_credited=Decimal(),
        lines=lines,
    )
    session.add(invoice)
    session.commit()
    return shown(invoice)


FOUND = text(
    "SELECT c.id, c.first_name, c.last_name FROM backoffice_full_text f"
    " JOIN backoffice_search_entry e ON e.id = f.rowid AND e.kind = 'customer'"
    " JOIN backoffice_customer c ON c.id = e.record_id AND c.tenant_id = :garage"
    " AND c.deleted_at IS NULL"
    " WHERE f.backoffice_full_text MATCH :words ORDER BY f.rowid DESC LIMIT 10"
)
OTHERS = {
    "work_orders": text("SELECT id, ticket_no FROM backoffice_work_order WHERE tenant_id = :garage"
                        " AND deleted_at IS NULL AND ticket_no = :exact LIMIT 10"),
    "products": text("SELECT id, name FROM backoffice_product WHERE tenant_id = :garage"
                     " AND deleted_at IS NULL AND sku = :exact LIMIT 10"),
    "invoices": text("SELECT id, invoice_number FROM backoffice_invoice WHERE tenant_id = :garage"
                     " AND invoice_number = :exact LIMIT 10"),
}  # fmt: skip


@app.get("/search")
def searched(session: Opened, garage: Garage, q: str) -> dict[str, list[dict[str, Any]]]:
    words = " AND ".join(f'"c{garage:08x}{word}" *' for word in q.lower().split())
    rows = session.execute(FOUND, {"garage": garage, "words": words})
    found: dict[str, list[dict[str, Any]]] = {
        "customers": [{"id": row.id, "name": f"{row.first_name} {row.last_name}"} for row in rows]
    }
    for name, query in OTHERS.items():
        hits = session.execute(query, {"garage": garage, "exact": q.upper()}).mappings()
        found[name] = [dict(hit) for hit in hits]
    return found


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False
    )
