"""Letters to people, by SMTP.

    letters    what is written: one plain text to one reader
    postbox    queues letters in the transaction that gives the reason for them
    delivery   takes them to the server, and tries again
    smtp       one conversation with the server, in a worker thread

A letter that was queued is delivered or given up with a log line; a restart loses none. One
whose server took it while the gateway died is sent twice, with the same Message-ID. Letters may
hold a code, so they are sealed where they wait and deleted when they are done with.

May import ``storage``, ``runtime``, ``domain`` and ``config``. Knows nothing of why it is sent.
"""
