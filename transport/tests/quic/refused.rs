//! Who is not let in, and what that costs the others: nothing.

use crate::support::{DAY, Member, authority, credentials, issue, loopback, node, now, within};
use rusm_transport::proto::{Config, Identity, Role};
use rusm_transport::quic::{AuthorityError, Credentials, CredentialsError, MemberError, MemberOptions, QuicMember};
use std::time::Duration;

/// A node that knocks at `a` with those credentials is not answered, and those who belong together are.
async fn check(why: &str, knocks: impl FnOnce(&rusm_transport::quic::Authority) -> Credentials) {
    let own = authority();
    let a = Member::start(&own, "a", &[]);
    let credentials = knocks(&own);
    let name = credentials.identity().name.clone();
    let stranger = Member::start_with(&name, credentials, &[a.address()]);
    let b = Member::start(&own, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "hello").await, "hello", "{why}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(stranger.ask("a", "let me in").await.is_err(), "{why}");
    assert!(a.ask(&name, "who are you").await.is_err(), "{why}");
    assert_eq!(b.ask("a", "still there").await.as_deref(), Ok("still there"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_another_cluster_is_refused() {
    check("another authority", |_| {
        let other = authority();
        credentials(&other, &issue(&other, "c"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused() {
    check("expired", |own| {
        let holder = Identity { name: "c".to_owned(), role: Role::Node };
        let expired = own.issue(&holder, now() - 3 * DAY, DAY).expect("a certificate");
        credentials(own, &expired)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_one_cluster_with_the_authority_of_another_is_refused() {
    check("half a cluster's", |own| {
        let other = authority();
        let issued = issue(&other, "c");
        Credentials::of_pem(own.certificate(), &issued.certificate, &issued.key).expect("they can be read")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_at_a_nodes_address_must_be_that_node() {
    let own = authority();
    let a = Member::start(&own, "a", &[]);
    let b = Member::start(&own, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "hello").await, "hello");
    let address = b.address();
    b.member.stop().await;
    drop(b);
    // Its socket is closed a moment later.
    within(async {
        while std::net::UdpSocket::bind(address).is_err() {
            tokio::task::yield_now().await
        }
    })
    .await;
    // A member of the same cluster, where `b` was.
    let c = Member::start_at(address, "c", credentials(&own, &issue(&own, "c")), &[]);
    assert!(a.ask("b", "are you there").await.is_err(), "c is not b");
    c.node.whereis("echo").expect("it would have answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_is_no_member() {
    let own = authority();
    let a = Member::start(&own, "a", &[]);
    let socket = tokio::net::UdpSocket::bind(loopback()).await.expect("a free port");
    for len in [0, 1, 20, 1200, 60_000] {
        let noise: Vec<u8> = (0..len).map(|i: u32| (i * 31 + len) as u8).collect();
        socket.send_to(&noise, a.address()).await.expect("sent");
        // The first byte of a long header.
        socket.send_to(&[&[0xc0, 0, 0, 0, 1], &noise[..]].concat(), a.address()).await.expect("sent");
    }
    let b = Member::start(&own, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "hello").await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_for_its_node() {
    let own = authority();
    let start = |name: &str, role: Role, listen| {
        let issued = own.issue(&Identity { name: "a".to_owned(), role }, now(), DAY).expect("a certificate");
        let options = MemberOptions {
            listen,
            credentials: credentials(&own, &issued),
            advertise: None,
            join: Vec::new(),
            config: Config::default(),
        };
        QuicMember::start(&node(name), options).map(|member| member.local_addr()).map_err(|error| error.to_string())
    };
    let wrong = start("b", Role::Node, loopback()).expect_err("another's certificate");
    assert_eq!(wrong, "the certificate is for \"a\", this node is \"b\": start it with that name, or issue one for it");
    assert!(start("a", Role::Operator, loopback()).is_err(), "an operator is no node");
    let taken = std::net::UdpSocket::bind(loopback()).expect("a free port").local_addr().expect("it is bound");
    let keeps = std::net::UdpSocket::bind(taken).expect("it is free again");
    let wrong = start("a", Role::Node, taken).expect_err("the port is taken");
    assert!(wrong.starts_with(&format!("cannot listen on {taken} (UDP): ")), "{wrong}");
    drop(keeps);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_a_member_once() {
    let own = authority();
    let a = Member::start(&own, "a", &[]);
    let options = MemberOptions {
        listen: loopback(),
        credentials: credentials(&own, &issue(&own, "a")),
        advertise: None,
        join: Vec::new(),
        config: Config::default(),
    };
    assert!(matches!(QuicMember::start(&a.node, options), Err(MemberError::Already)));
}

#[test]
fn what_is_no_credential_is_named() {
    let own = authority();
    let issued = issue(&own, "a");
    let check = |authority: &str, certificate: &str, key: &str, expected: &str| {
        let wrong = Credentials::of_pem(authority, certificate, key).err().expect("it cannot be read").to_string();
        assert!(wrong.contains(expected), "{wrong}");
    };
    check("", &issued.certificate, &issued.key, "the authority's certificate is no PEM");
    check(own.certificate(), "nonsense", &issued.key, "the node's certificate is no PEM");
    check(own.certificate(), &issued.certificate, &issued.certificate, "the node's key is no PEM");
    check(own.certificate(), own.certificate(), &issued.key, "the certificate names no node of a cluster");
    let other = issue(&own, "a");
    let mixed = Credentials::of_pem(own.certificate(), &issued.certificate, &other.key).expect("each can be read");
    assert_eq!(mixed.identity().name, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_certificate_is_named_when_it_is_used() {
    let own = authority();
    let (one, other) = (issue(&own, "a"), issue(&own, "a"));
    let mixed = Credentials::of_pem(own.certificate(), &one.certificate, &other.key).expect("each can be read");
    let options = MemberOptions {
        listen: loopback(),
        credentials: mixed,
        advertise: None,
        join: Vec::new(),
        config: Config::default(),
    };
    let wrong = QuicMember::start(&node("a"), options).err().expect("they do not fit together");
    assert!(matches!(wrong, MemberError::Credentials(CredentialsError::Tls(_))), "{wrong}");
}

#[test]
fn a_name_that_no_certificate_can_carry_is_refused() {
    let own = authority();
    for name in ["", "Room", "a.b", "a b", "-", &"x".repeat(64)] {
        let holder = Identity { name: name.to_owned(), role: Role::Node };
        let refused = own.issue(&holder, now(), DAY);
        assert!(matches!(refused, Err(AuthorityError::Name(_))), "{name:?}");
    }
}
