"""The garage's back office: declarations in, endpoints out.

    kinds       what a value is: SQL type, JSON Schema, how it is read and written
    moments     kinds of dates and times
    records     kinds that hold others: lines of documents, files
    noun        a table as a record: columns, indexes, uniqueness
    resource    one API's face of a noun: fields, filters, relations, inputs, operations
    profile     how an API pages, wraps, sorts and refuses
    check       every mistake in the declarations, reported at once at start-up
    tables      declarations -> SQLAlchemy tables
    shop        one garage's rows inside one transaction: the one place of the tenant filter
    reading     list and read, with relations in one query each
    writing     create, change, remove
    action      operations of their own: a rule in a transaction, or a talk with the outside
    access      roles, token abilities, licence modules
    outside     other services and mail servers, never inside a transaction
    sealing     their secrets at rest
    checks      live checks of connections to other services
    jobs        what comes due, once across nodes
    sending     takes out the mail, SMS and calls that transactions promised
    rules/      what is more than storing: numbering, money, work orders, the ticket chain
    profiles/   the three APIs' spelling of envelopes, pages and errors
    nouns/      the tables, one file per family
    catalogue/  the faces of them and the actions, one file per section of an API
    declarations all of it in one record
    routes      one table of routes for all resources; openapi: the document from the same records

A new resource is one file in ``catalogue/``; nothing else has to know of it. What does not fit
the generic operations is a plain function named by the resource (``rules/``), never a flag here.

Live diagnostics are out of reach: the back office hears of tickets through the outbox.
"""
