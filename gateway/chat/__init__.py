"""Garage and operator talk about a ticket.

    channels      whose channel it is; what it is called
    service       saying, reading, pinging, attaching
    shapes        how a message looks from outside, the same for every door
    news          tells sessions of operators what is said
    translation   a LibreTranslate-compatible server puts words into another language

A ticket is a channel, named by the ticket's UUID. What is said is written down together with its
event, never changed, and read from the database by those who follow: nobody misses a word
because they were slow or away. Files go through ``storage.files``.

May import ``tickets`` and what is below it.
"""
