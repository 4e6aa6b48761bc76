"""Read mail: what the sender of a message wrote, without quotations, signature and attachments."""
