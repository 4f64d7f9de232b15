"""``/ws/partner``: what happens to a provider's tickets and connectors, live.

    messages   what clients may say, as typed records
    following  which events one client wants, and how far it has come
    socket     one client from sign-in to close

Events are read from where they are kept, at the pace of whoever reads them: a slow client loses
none, and one that was away goes on behind the last one it knows.
"""
