//! What matters of a browser: its cookies, and that it goes where it is sent.

use std::{collections::BTreeMap, sync::Mutex};

use reqwest::{blocking::Client, redirect};
use url::Url;

use super::Answer;

/// A browser without a screen.
pub struct Browser {
    http: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    /// One that has been nowhere yet.
    pub fn new() -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).build().expect("an HTTP client");
        Self { http, cookies: Mutex::default() }
    }

    /// Its cookies.
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().expect("no panic").clone()
    }

    /// Fetches a page, and goes nowhere from there.
    pub fn get(&self, url: &str) -> Answer {
        self.send(self.http.get(url))
    }

    /// Sends a form, and goes nowhere from there.
    pub fn post(&self, url: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.http.post(url).form(form))
    }

    fn send(&self, request: reqwest::blocking::RequestBuilder) -> Answer {
        let cookies: Vec<String> = self.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let answer = Answer::to(request);
        let mut jar = self.cookies.lock().expect("no panic");
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("a cookie");
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            if line.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        drop(jar);
        answer
    }

    /// Follows redirects from `answer` until one leads to a place that begins with `end`, and gives that one.
    pub fn follow(&self, answer: &Answer, end: &str) -> (Answer, Url) {
        let mut location = location(answer);
        for _ in 0..10 {
            let answer = self.get(&location);
            location = self::location(&answer);
            if location.starts_with(end) {
                return (answer, Url::parse(&location).expect("a URL"));
            }
        }
        panic!("signing in never ends: {location}");
    }
}

/// Where an answer sends.
pub fn location(answer: &Answer) -> String {
    assert!(answer.status.is_redirection(), "{} {}", answer.status, answer.text);
    answer.header("location").expect("a location").to_owned()
}

/// A parameter of a URL.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).expect("a URL");
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
