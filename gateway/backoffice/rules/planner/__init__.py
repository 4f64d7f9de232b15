"""How visits to customers come about, from the item that is due to the work order of the visit.

scheduling    when people are free: opening hours, leave, other appointments, the way there
items         what is serviced, and when it is due again
appointments  made, planned, confirmed, visited, cancelled; the status that follows
letters       what the client is told, and the calendar file that goes along
bookings      the signed link by which a client chooses a time
clients       clients with their addresses and the people to speak to
attachments   files that belong to an item
coming        what comes due: reminders, appointments of recurring items
places        where an address lies
company       the garage itself, and how it plans
"""
