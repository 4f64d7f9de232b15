"""The bytes of files, and the links that lead to them.

    store      what a store of files does, whoever keeps the bytes
    folder     files in a folder of this machine
    bucket     files in a bucket of an S3-compatible service
    presigned  addresses in that bucket, good for one method and a while
    kinds      what may be attached, told by name and by bytes
    links      signed addresses that expire
    cabinet    reserve, fill, fetch: records and bytes kept in step
    upkeep     deletes what nobody fills and nobody knows

A file is reserved, then filled through a link, once. Bytes are written under a key of their own
and only then put on record: a crash leaves bytes that nobody knows, never a record without
bytes. Nothing here trusts a name or a type that somebody sent.
"""
