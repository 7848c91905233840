"""A mail server on loopback (aiosmtpd) that keeps each mail as a file, the newest with the last name."""

import email
import email.policy
import itertools
import pathlib

from aiosmtpd.controller import Controller


class _Keeper:
    """What aiosmtpd calls for each mail, one after the other."""

    def __init__(self, directory):
        self.directory = directory
        self.numbers = itertools.count()

    async def handle_DATA(self, _server, _session, envelope):
        """Writes a mail whole before it has its name: somebody waits for it."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = message.get_body(("plain",)).get_content()
        draft = self.directory / ".draft"
        draft.write_text(f"To: {message['To']}\nSubject: {message['Subject']}\n\n{text}")
        draft.rename(self.directory / f"{next(self.numbers):06}.txt")
        return "250 taken"


class MailSink:
    """Listens on a port until the process ends."""

    def __init__(self, directory, port):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.port = port
        self.controller = Controller(_Keeper(self.directory), hostname="127.0.0.1", port=port)
        self.controller.start()
