"""QtCore around the core: threads, mailbox and the single owner of application state."""
