"""ISO 14229 (UDS) as behaviour: who waits how long for what. udsoncan is the codec.

    names      negative response codes and services by name, negative answers taken apart
    answers    which answer belongs to a request, and what kind of answer it is
    policy     how patient a tester is: P2, P2*, 0x78, 0x21, 0x94
    outcome    what a tester's exchange tells its driver, and how it ended
    tester     one exchange, physical or functional, as a machine
    security   an ECU's security access: seed, key, attempts, delay
    ecu        an ECU's diagnostic session and S3, with its security

A tester's driver sends ``data_to_send`` over any transport, reports ``sent``, hands over what
comes with its source, and calls ``handle_deadline`` when ``next_deadline`` has come. The machine
never knows whether CAN or DoIP is below it. OBD services 01 to 0A (SAE J1979) are exchanges too.

May import: ``udsoncan`` (codec and names), ``protocols.fsm``, ``protocols.errors``. Never here:
transports, clocks, the meaning of identifiers or trouble codes.
"""
