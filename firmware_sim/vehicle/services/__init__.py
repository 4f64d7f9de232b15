"""The services of a simulated ECU, one module a functional unit of ISO 14229-1.

    table                 service identifier -> when it is there, what it needs, who answers
    session_control       10, 11, 3E
    security_access       27
    communication         28, 85
    data_transmission     22, 2E
    dynamic_definition    2C
    periodic_data         2A
    input_output          2F
    memory_access         23, 3D
    stored_data           14, 19
    routine_control       31; flash_routines: those that erase and check
    upload_download       34, 35, 36, 37
    obd                   SAE J1979 modes 01, 02, 03, 04, 07, 09, 0A; obd_tests: 05, 06, 08
    obd_on_uds            the same by data identifier (SAE J1979-2)

A service is a function of control unit and request that returns a `Reply` or raises a `Refusal`.
What all services have in common (unknown service, session, sub-function) is checked by `table`.
"""
