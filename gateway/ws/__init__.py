"""Doors by websocket: a conversation's nursery instead of a request.

    customer    ``/ws/customer``: connectors, tickets and connections followed live
    operator    ``/ws/operator``: exchanges, session news, raw frames both ways

The close at a restart (1012) is the server's business (``web.draining``).
"""
