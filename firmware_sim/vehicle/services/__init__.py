"""The services of a simulated ECU, one module a functional unit of ISO 14229-1.

    table                 service identifier -> when it is there, what it needs, who answers
    session_control       10, 11, 3E
    security_access       27
    communication         28, 85
    data_transmission     22, 2E
    stored_data           14, 19
    routine_control       31
    obd                   SAE J1979 modes 01, 03, 04, 07, 09

A service is a function of control unit and request that returns a `Reply` or raises a `Refusal`.
What all services have in common (unknown service, session, sub-function) is checked by `table`.
"""
