//! A mail server on loopback that keeps what it is sent, and speaks as much of SMTP (RFC 5321) as it takes: `STARTTLS`, TLS from the
//! first byte, `AUTH`, and refusals.

use std::{
    collections::VecDeque,
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openssl::{
    ssl::{SslAcceptor, SslMethod},
    x509::X509,
};

use super::certificate::certificate;

/// How a server wants to be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// In the clear.
    #[default]
    Never,
    /// It offers `STARTTLS`, and takes nothing before.
    Upgraded,
    /// From the first byte.
    Always,
}

/// What a server is like.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// How it wants to be spoken to.
    pub tls: Tls,
    /// The user and password, or access token, that it wants.
    pub login: Option<(&'static str, &'static str)>,
    /// What it answers to the first recipients, instead of taking them.
    pub refusals: Vec<&'static str>,
    /// Whether it says nothing at all.
    pub silent: bool,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Head and body.
    pub data: String,
    /// Whether it came over TLS.
    pub over_tls: bool,
    /// Who sent it, where that was asked.
    pub user: Option<String>,
}

/// The server. Stopped when dropped.
pub struct MailServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// What it shows for itself over TLS.
    pub certificate: X509,
}

struct Shared {
    manners: Manners,
    refusals: Mutex<VecDeque<&'static str>>,
    mails: Mutex<Vec<Received>>,
    folder: Option<PathBuf>,
    connections: AtomicUsize,
    recipients: AtomicUsize,
    stopped: AtomicBool,
    acceptor: SslAcceptor,
}

impl MailServer {
    /// One that takes everything in the clear.
    pub fn start() -> Self {
        Self::with(Manners::default(), None)
    }

    /// The same, and each mail is a file in `folder` too: who it is to, its subject and its text. The newest has the last name.
    pub fn keeping_in(folder: &Path) -> Self {
        Self::with(Manners::default(), Some(folder.to_owned()))
    }

    /// One with manners of its own.
    pub fn with(manners: Manners, folder: Option<PathBuf>) -> Self {
        let (certificate, key) = certificate();
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("TLS");
        acceptor.set_certificate(&certificate).expect("a certificate");
        acceptor.set_private_key(&key).expect("its key");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            refusals: Mutex::new(manners.refusals.iter().copied().collect()),
            manners,
            mails: Mutex::default(),
            folder,
            connections: AtomicUsize::default(),
            recipients: AtomicUsize::default(),
            stopped: AtomicBool::default(),
            acceptor: acceptor.build(),
        });
        let kept = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, stream) = (Arc::clone(&shared), stream.expect("a connection"));
                shared.connections.fetch_add(1, Ordering::SeqCst);
                // Whoever hangs up in the middle has got what the test is about.
                thread::spawn(move || shared.serve(stream).ok());
            }
        });
        Self { address, shared: kept, certificate }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The mails so far.
    pub fn mails(&self) -> Vec<Received> {
        self.shared.mails.lock().expect("no panic").clone()
    }

    /// How many connections came.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many recipients were named.
    pub fn recipients(&self) -> usize {
        self.shared.recipients.load(Ordering::SeqCst)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect(self.address);
    }
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// How a conversation ended.
enum End {
    Over,
    StartTls,
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let broken = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
        if self.manners.silent {
            stream.read(&mut [0; 1]).map(|_| ())?;
            return Ok(());
        }
        if self.manners.tls == Tls::Always {
            let mut stream = self.acceptor.accept(stream).map_err(|error| broken(&error))?;
            say(&mut stream, "220 sink.example")?;
            return self.converse(&mut stream, true).map(|_| ());
        }
        say(&mut stream, "220 sink.example")?;
        if let End::StartTls = self.converse(&mut stream, false)? {
            let mut stream = self.acceptor.accept(stream).map_err(|error| broken(&error))?;
            self.converse(&mut stream, true)?;
        }
        Ok(())
    }

    fn converse(&self, stream: &mut dyn Stream, over_tls: bool) -> io::Result<End> {
        let (mut from, mut to, mut user) = (String::new(), Vec::new(), None);
        loop {
            let line = line(stream)?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let may_speak = over_tls || self.manners.tls == Tls::Never;
            match verb.as_str() {
                "EHLO" => self.greet(stream, over_tls)?,
                "STARTTLS" => {
                    say(stream, "220 go ahead")?;
                    return Ok(End::StartTls);
                }
                "QUIT" => {
                    say(stream, "221 bye")?;
                    return Ok(End::Over);
                }
                "NOOP" | "RSET" => say(stream, "250 ok")?,
                _ if !may_speak => say(stream, "530 5.7.0 must issue STARTTLS first")?,
                "AUTH" => user = self.authenticate(stream, &line)?,
                _ if self.manners.login.is_some() && user.is_none() => say(stream, "530 5.7.0 who are you?")?,
                "MAIL" => {
                    from = address(&line);
                    say(stream, "250 ok")?;
                }
                "RCPT" => {
                    self.recipients.fetch_add(1, Ordering::SeqCst);
                    match self.refusals.lock().expect("no panic").pop_front() {
                        Some(refusal) => say(stream, refusal)?,
                        None => {
                            to.push(address(&line));
                            say(stream, "250 ok")?;
                        }
                    }
                }
                "DATA" => {
                    say(stream, "354 go on")?;
                    let data = data(stream)?;
                    let to = std::mem::take(&mut to);
                    self.keep(Received { from: from.clone(), to, data, over_tls, user: user.clone() });
                    say(stream, "250 taken")?;
                }
                _ => say(stream, "500 what?")?,
            }
        }
    }

    fn greet(&self, stream: &mut dyn Stream, over_tls: bool) -> io::Result<()> {
        let mut offers = vec!["sink.example", "8BITMIME"];
        if self.manners.tls == Tls::Upgraded && !over_tls {
            offers.push("STARTTLS");
        }
        if self.manners.login.is_some() {
            offers.push("AUTH PLAIN LOGIN XOAUTH2");
        }
        let last = offers.len() - 1;
        for (place, offer) in offers.iter().enumerate() {
            say(stream, &format!("250{}{offer}", if place == last { ' ' } else { '-' }))?;
        }
        Ok(())
    }

    /// `AUTH PLAIN` (RFC 4616) and `AUTH XOAUTH2`.
    fn authenticate(&self, stream: &mut dyn Stream, said: &str) -> io::Result<Option<String>> {
        let words: Vec<&str> = said.split(' ').collect();
        let encoded = match words.get(2) {
            Some(word) => (*word).to_owned(),
            None => {
                say(stream, "334 ")?;
                line(stream)?
            }
        };
        let decoded = String::from_utf8(STANDARD.decode(encoded).unwrap_or_default()).unwrap_or_default();
        let login = self.manners.login.filter(|(user, secret)| {
            let expected = match words.get(1) {
                Some(&"XOAUTH2") => format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
                _ => format!("\0{user}\0{secret}"),
            };
            decoded == expected
        });
        say(stream, if login.is_some() { "235 welcome" } else { "535 5.7.8 no" })?;
        Ok(login.map(|(user, _)| user.to_owned()))
    }

    fn keep(&self, mail: Received) {
        let mut mails = self.mails.lock().expect("no panic");
        if let Some(folder) = &self.folder {
            let text = format!("To: {}\nSubject: {}\n\n{}", mail.to.join(", "), mail.subject(), mail.text());
            // Written whole before it has its name: somebody waits for it.
            let (draft, name) = (folder.join(".draft"), folder.join(format!("{:06}.txt", mails.len())));
            fs::write(&draft, text).and_then(|()| fs::rename(draft, name)).expect("to write a mail");
        }
        mails.push(mail);
    }
}

fn say(stream: &mut dyn Stream, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    stream.flush()
}

/// One line, and not a byte more: what follows `STARTTLS` is not text.
fn line(stream: &mut dyn Stream) -> io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Up to the line with a dot alone; others that begin with one have one more (RFC 5321 §4.5.2).
fn data(stream: &mut dyn Stream) -> io::Result<String> {
    let mut data = String::new();
    loop {
        match line(stream)?.as_str() {
            "." => return Ok(data),
            line => data += &format!("{}\r\n", line.strip_prefix('.').unwrap_or(line)),
        }
    }
}

fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

impl Received {
    /// The value of a header, unfolded, as it came.
    pub fn header(&self, name: &str) -> Option<String> {
        header(self.data.split("\r\n\r\n").next()?, name)
    }

    /// The subject, decoded (RFC 2047).
    pub fn subject(&self) -> String {
        decoded_words(&self.header("Subject").unwrap_or_default())
    }

    /// The part that is plain text, decoded.
    pub fn text(&self) -> String {
        self.part("text/plain")
    }

    /// The part that is HTML, decoded.
    pub fn html(&self) -> String {
        self.part("text/html")
    }

    fn part(&self, content_type: &str) -> String {
        let mut pieces = self.data.split("\r\n\r\n");
        let begin = pieces
            .position(|head| header(last_head(head), "Content-Type").is_some_and(|t| t.starts_with(content_type)));
        let begin = begin.unwrap_or_else(|| panic!("no {content_type} in {}", self.data));
        let all: Vec<&str> = self.data.split("\r\n\r\n").collect();
        let encoding = header(last_head(all[begin]), "Content-Transfer-Encoding").unwrap_or_default();
        let body = all[begin + 1..].join("\r\n\r\n");
        // The delimiter of the part comes on a line of its own; none of our texts has such a line.
        let body = body.split("\r\n--").next().unwrap_or_default();
        let bytes = match encoding.as_str() {
            "base64" => STANDARD.decode(body.replace("\r\n", "")).expect("base64"),
            "quoted-printable" => quoted_printable(body),
            _ => body.as_bytes().to_vec(),
        };
        String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
    }
}

/// What stands behind the last delimiter.
fn last_head(text: &str) -> &str {
    text.rfind("\r\n--").map_or(text, |place| &text[place + 2..])
}

fn header(head: &str, name: &str) -> Option<String> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let name = format!("{}: ", name.to_lowercase());
    unfolded.split("\r\n").find(|line| line.to_lowercase().starts_with(&name)).map(|line| line[name.len()..].to_owned())
}

fn decoded_words(text: &str) -> String {
    let text = text.replace("?= =?", "?==?");
    let mut decoded = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("=?utf-8?b?") {
        let (word, behind) = after.split_once("?=").expect("the end of an encoded word");
        decoded += before;
        decoded += &String::from_utf8(STANDARD.decode(word).expect("base64")).expect("UTF-8");
        rest = behind;
    }
    decoded + rest
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'=' {
            let digits = std::str::from_utf8(&behind[..2]).expect("ASCII");
            bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            rest = &behind[2..];
        } else {
            bytes.push(*first);
            rest = behind;
        }
    }
    bytes
}
