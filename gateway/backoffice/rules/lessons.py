"""The product's own tutorials, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lesson:
    """One tutorial.

    Attributes:
        key: never changes, so that words can be renewed.
        role: whom it is for; ``all`` is everybody.
        steps: title and text.
    """

    key: str
    title: str
    role: str
    steps: tuple[tuple[str, str], ...]


LESSONS = (
    Lesson(
        "first-order",
        "Your first work order",
        "all",
        (
            ("Find the customer", "Search by name, phone or email before you add anybody."),
            ("Open the order", "Name the device and what is wrong with it."),
            ("Add lines", "Parts and hours; prices are net of VAT."),
            ("Move it on", "The status tells everybody where the order is."),
            ("Finish it", "Completed orders can be invoiced."),
        ),
    ),
    Lesson(
        "customers",
        "Customers and their devices",
        "all",
        (
            ("Look first", "The same phone number is found however it is written."),
            ("Business customers", "A discount in percent applies where no agreement does."),
            ("Tags", "Put a tag on customers to reach them together."),
        ),
    ),
    Lesson(
        "diagnostics",
        "Orders from remote diagnostics",
        "all",
        (
            ("They come by themselves", "A closed ticket becomes an order with its lines."),
            ("Check the customer", "Orders without a name belong to the walk-in customer."),
        ),
    ),
    Lesson(
        "tasks",
        "The task board",
        "all",
        (
            ("Three columns", "Open, in progress and done."),
            ("Move a card", "Its place in the column is kept for everybody."),
        ),
    ),
    Lesson(
        "notices",
        "Notifications",
        "all",
        (
            ("Where they are", "Unread ones are counted at the top."),
            ("Choose channels", "In the application, by email, or not at all."),
        ),
    ),
    Lesson(
        "quotations",
        "Quotations",
        "employee",
        (
            ("Write one", "Notes are read by the customer."),
            ("Send it", "It goes out as PDF; afterwards only notes can change."),
            ("Accepted", "Make an invoice or a work order of it."),
        ),
    ),
    Lesson(
        "invoices",
        "Invoices and payments",
        "manager",
        (
            ("Draft", "Drafts have no number and can change."),
            ("Send", "Sending numbers and books it."),
            ("Payments", "Partial ones are fine, too much is refused."),
            ("Credit notes", "Correct what was sent; it is never changed."),
        ),
    ),
    Lesson(
        "recurring",
        "Recurring invoices",
        "manager",
        (
            ("Set it up", "Choose how often and from which day."),
            ("Missed runs", "They are caught up, one invoice for each period."),
        ),
    ),
    Lesson(
        "stock",
        "Stock and bins",
        "employee",
        (
            ("Movements", "A quantity changes by movements alone, and each says why."),
            ("Bins", "A bin has a code such as A-01-02."),
            ("Pick lists", "They say where to find what an order needs."),
        ),
    ),
    Lesson(
        "receiving",
        "Receiving goods",
        "employee",
        (
            ("By order", "Count each line; more than was ordered is refused."),
            ("Without order", "Give the supplier and the delivery note."),
        ),
    ),
    Lesson(
        "books",
        "Books and VAT returns",
        "owner",
        (
            ("Entries", "Debit and credit are equal, and nothing posted changes."),
            ("Quarters", "A filed quarter takes no more entries."),
        ),
    ),
    Lesson(
        "staff",
        "Employees and leave",
        "manager",
        (
            ("Invite", "New employees choose their own password."),
            ("Leave", "Weekends and holidays do not count."),
        ),
    ),
    Lesson(
        "automation",
        "Automation rules",
        "manager",
        (
            ("A rule", "When this happens, and that holds, do these."),
            ("The log", "Every run says what it did."),
        ),
    ),
    Lesson(
        "service-levels",
        "Service levels and warranty",
        "manager",
        (
            ("Clocks", "Waiting for parts stops the clock."),
            ("Warranty", "An approved claim opens an order at no charge."),
        ),
    ),
)
