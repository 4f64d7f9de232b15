"""The simulated vehicle: what its control units know, how they answer, and the wires they are on.

    models/          the vehicles that come with the package, one YAML file each, with their
                     message databases (DBC) and quirks
    record           what all declarations have in common; vehicle_spec, ecu_spec, data_spec,
                     fault_spec, function_spec, obd_spec, transport_spec, traffic_spec, quirk_spec
    loader           YAML to records; a broken file is refused with all its flaws and their lines
    marked_yaml      YAML that knows its lines; spec_reader: makes records of it
    ecu              one ECU's application: requests in, timed responses out; sans-IO
    services/        its UDS and OBD services, one module a functional unit, found by table
    control_unit     what the services act upon: identifiers, faults, routines, security, memory,
                     flash, definitions
    quirks           what awkward ECUs do wrong
    can_ecu          an application on a CAN bus, through ISO-TP
    doip_entity      applications behind a DoIP entity
    broadcasts       what ECUs send by themselves; traffic: the same after a database
    vehicle          a whole vehicle: its buses or entity, its ECUs, its normal traffic

Same seed, same clock: same bytes. Imports ``protocols`` and ``firmware_sim.buses``; never the
firmware, which meets it on the wire alone.
"""
