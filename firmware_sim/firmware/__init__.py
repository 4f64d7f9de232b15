"""The connector's firmware: between the link to the gateway and the vehicle's buses.

    connector      the program: what the gateway asks for, run side by side
    link           dialling, keeping and resuming the link
    sessions       tester present while a session lasts, the vehicle's safe state after it
    device         the vehicle side as the program sees it: targets, buses, results
    can_exchange   requests on CAN: ISO-TP and the UDS timing; doip_bus: the same on DoIP
    targets        what the gateway names -> ISO-TP addresses
    monitor        raw frames in batches
    status         VIN, voltage, ignition
    lanes          one exchange at a time for each ECU

Whatever has a deadline in milliseconds runs here. Imports ``protocols`` and
``firmware_sim.buses``; must never know the simulated vehicle.
"""
