"""The simulated vehicle: what its control units know, how they answer, and the wires they are on.

    models/          the vehicles that come with the package, one YAML file each
    vehicle_spec     what a vehicle is; ecu_spec: what a control unit is
    loader           YAML to records; a broken file is refused with its place
    ecu              one ECU's application: requests in, timed responses out; sans-IO
    services/        its UDS and OBD services, one module a functional unit, found by table
    control_unit     what the services act upon: identifiers, faults, routines, security
    can_ecu          an application on a CAN bus, through ISO-TP
    doip_entity      applications behind a DoIP entity
    vehicle          a whole vehicle: its buses or entity, its ECUs, its normal traffic

Same seed, same clock: same bytes. Imports ``protocols`` and ``firmware_sim.buses``; never the
firmware, which meets it on the wire alone.
"""
