"""The connector's firmware: between the link to the gateway and the vehicle's buses.

    connector      the program: what the gateway asks for, run side by side
    link           dialling, keeping and resuming the link
    sessions       tester present while a session lasts, the vehicle's safe state after it
    device         the vehicle side as the program sees it: targets, buses, results
    can_exchange   requests on CAN: ISO-TP and the UDS timing; doip_bus: the same on DoIP
    ecu_table      the control units it knows, where no vehicle is simulated that would tell
    monitor        raw frames in batches
    status         VIN, voltage, ignition; plug: the inputs they are measured at
    bus_setup      how buses are, and how a session has them run
    lanes          one exchange at a time for each ECU

Whatever has a deadline in milliseconds runs here. Imports ``protocols`` and
``firmware_sim.buses``; must never know the simulated vehicle.
"""
