// A mail server for trying out: it prints the codes that it is sent, and passes no mail on.
import { createServer } from 'node:net';

// Takes mails from this machine alone (SMTP, RFC 5321).
export function printCodes(port) {
  createServer((socket) => {
    let [rest, mail] = ['', undefined];
    const say = (line) => socket.write(`${line}\r\n`);
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop();
      for (const line of lines) {
        if (mail && line === '.') {
          print(mail.join('\n'));
          mail = undefined;
          say('250 printed');
        } else if (mail) {
          mail.push(line);
        } else if (/^DATA/i.test(line)) {
          mail = [];
          say('354 go on');
        } else if (/^QUIT/i.test(line)) {
          say('221 bye');
          socket.end();
        } else {
          say('250 fine');
        }
      }
    });
    say('220 localhost prints codes');
  }).listen(port, '127.0.0.1');
}

function print(mail) {
  const to = mail.match(/^To: (.*)$/im)?.[1];
  const [code] = mail.slice(mail.indexOf('\n\n')).match(/\b\d{6}\b/) ?? [];
  console.log(`The code for ${to}: ${code}`);
}
