"""What happened in a session, as bytes that can be trusted after a crash.

Modules:
    records        what there is to record
    codec          records <-> bytes: length, checksum, content
    pcapng         blocks of a capture file; CAN frames as its packets
    conversation   messages told as a TCP conversation, for such a file
    isotp_frames   messages told as ISO-TP frames, where nobody saw the frames themselves
    story          what other tools can show of a recording, in the order of time
    capture        that story as a capture file
"""
