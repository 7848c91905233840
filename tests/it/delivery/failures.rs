//! Mail servers that are away, slow, or say no.

use std::time::{Duration, Instant};

use tessera::{
    domain::clock::Clock as _,
    operations::delivery::{Channel, DeliveryError},
};

use super::{eventually, link_mail, to, waiting_for};
use crate::support::mails::{MailServer, Manners};

#[test]
fn a_mail_that_is_put_off_is_tried_again_when_its_time_has_come() {
    let refusals = vec!["451 4.3.2 later", "421 4.3.2 later", "451 4.3.2 later"];
    let server = MailServer::with(Manners { refusals, ..Manners::default() }, None);
    let world = to(&server);
    world.send(link_mail());
    eventually("a first attempt", || server.recipients() == 1);
    // It is not tried again at once: the clock of the test stands still, and another mail has its turn meanwhile.
    world.send(link_mail());
    eventually("a first attempt of the other", || server.recipients() == 2);
    assert!(world.records().is_empty());
    eventually("a second attempt", || {
        world.clock.advance(1);
        server.recipients() > 2
    });
    eventually("both to be sent", || {
        world.clock.advance(1);
        world.records().len() == 2
    });
    assert!(world.records().iter().all(|record| record["outcome"] == "success"));
    assert_eq!((server.mails().len(), server.recipients()), (2, 5));
}

#[test]
fn a_refusal_is_final_and_its_words_are_not_repeated() {
    // Filters quote the links that they do not like.
    let refusals = vec!["550 5.7.1 blocked: tso_ThisIsTheSecretOfALink0123456789"];
    let server = MailServer::with(Manners { refusals, ..Manners::default() }, None);
    let world = to(&server);
    world.send(link_mail());
    assert_eq!(world.assert_given_up("mail.sent"), "attempt 1: the mail server answered 550");
    assert_eq!(server.recipients(), 1);
}

#[test]
fn a_server_that_is_away_is_given_up_after_five_attempts() {
    let world = to(&MailServer::start());
    world.send(link_mail());
    let why = world.assert_given_up("mail.sent");
    assert!(why.starts_with("attempt 5: the mail server cannot be reached"), "{why}");
}

// Greylisting: the server puts off all whom it does not know, for minutes.
#[test]
fn a_mail_is_tried_again_for_as_long_as_what_it_holds_is_good() {
    let refusals = vec!["451 4.7.1 greylisted"; 1000];
    let server = MailServer::with(Manners { refusals, ..Manners::default() }, None);
    let world = to(&server);
    let mut mail = link_mail();
    let sent_at = world.clock.now();
    mail.expires_at = Some(sent_at + 600);
    world.send(mail);
    let why = world.assert_given_up("mail.sent");
    assert!(why.ends_with(": the mail server answered 451"), "{why}");
    // Another attempt, a minute later, would have come too late.
    assert!(world.clock.now() >= sent_at + 540, "{}", world.clock.now() - sent_at);
    assert!(server.recipients() > 5, "{}", server.recipients());
}

#[test]
fn what_has_expired_is_not_sent() {
    let server = MailServer::start();
    let world = to(&server);
    let mut mail = link_mail();
    mail.expires_at = Some(1);
    world.send(mail);
    assert_eq!(world.assert_given_up("mail.sent"), "attempt 1: what it holds has expired");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_server_that_hangs_makes_nobody_wait_and_the_queue_has_an_end() {
    // Each attempt would wait this many seconds for an answer: whoever waited for one would show below.
    const HANGS: u64 = 120;
    let server = MailServer::with(Manners { silent: true, ..Manners::default() }, None);
    let world = waiting_for(&server, HANGS);
    let (start, delivery) = (Instant::now(), &world.context.delivery);
    for _ in 0..1000 {
        world.send(link_mail());
    }
    assert_eq!(delivery.send(link_mail()), Err(DeliveryError::Busy));
    assert_eq!(delivery.ready(Channel::Mail), Err(DeliveryError::Busy));
    delivery.shutdown(Duration::from_millis(100));
    assert!(start.elapsed() < Duration::from_secs(HANGS), "{:?}", start.elapsed());
    assert_eq!(delivery.send(link_mail()), Err(DeliveryError::Busy));
}

#[test]
fn what_waits_is_sent_before_the_server_stops() {
    let server = MailServer::with(Manners { refusals: vec!["451 later"], ..Manners::default() }, None);
    let world = to(&server);
    for _ in 0..20 {
        world.send(link_mail());
    }
    world.context.delivery.shutdown(Duration::from_secs(20));
    assert_eq!(server.mails().len(), 20 - usize::from(world.records().iter().any(|r| r["outcome"] == "failed")));
    assert_eq!(world.records().len(), 20);
}
