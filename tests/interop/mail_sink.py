"""A mail server on loopback that keeps each mail as a file, the newest with the last name."""

import email
import email.policy
import pathlib
import socketserver
import threading


class _Conversation(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as it takes to be sent something."""

    def handle(self):
        self.say("220 sink.example")
        while line := self.rfile.readline():
            match line.split(b" ")[0].strip().upper():
                case b"EHLO":
                    self.say("250-sink.example", "250 8BITMIME")
                case b"DATA":
                    self.say("354 go on")
                    self.server.keep(self.data())
                    self.say("250 taken")
                case b"QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 ok")

    def data(self):
        """Up to the line with a dot alone; others that begin with one have one more."""
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def say(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class MailSink(socketserver.ThreadingTCPServer):
    """Listens on a free port until the process ends."""

    daemon_threads = True

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.lock = threading.Lock()
        self.count = 0
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keep(self, data):
        """Writes a mail whole before it has its name: somebody waits for it."""
        message = email.message_from_bytes(data, policy=email.policy.default)
        text = message.get_body(("plain",)).get_content()
        with self.lock:
            draft = self.directory / ".draft"
            draft.write_text(f"To: {message['To']}\nSubject: {message['Subject']}\n\n{text}")
            draft.rename(self.directory / f"{self.count:06}.txt")
            self.count += 1
