"""Recordings: everything that is done in a session, kept as it happens.

    items     what waits to be written, in the form that costs the exchange least
    backlog   the bounded queue between sessions and the disk, and what happens when it is full
    track     one session's recording
    writer    batches to files, in a thread: parts, cuts, a full disk
    index     recordings on record
    service   begins recordings, and keeps writing
    upkeep    recordings that a kill has cut; retention
    reading   records of a recording, file by file
    library   recordings for those who ask
    exporting an export as a process of its own
    export    that process: records to formats of other tools
    messages  frames for python-can's writers

Exchanges are never lost: where the disk is too far behind, the next one is refused before it is
sent. Frames are dropped, and counted in the recording.

May import sessions, links and what lies below; sessions know of it by :mod:`.recorder` alone.
"""
