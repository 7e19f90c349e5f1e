//! The life of certificates: refused ones with a line that says why, new ones, and revoked ones.

use crate::rogue::{client, connect, forge, self_signed};
use crate::signals::watch;
use crate::support::{DAY, Log, Member, authority, credentials, issue, loopback, now, within};
use rusm_core::ExitReason;
use rusm_transport::proto::{Identity, Role};
use rusm_transport::quic::{Authority, Inspected, Issued, Revocations, RevocationsError, Serial};
use std::collections::BTreeSet;

fn serial(issued: &Issued) -> Serial {
    Inspected::of_pem(&issued.certificate).expect("a certificate").serial
}

pub(crate) fn list(authority: &Authority, number: u64, revoked: &[&Issued]) -> String {
    let serials = revoked.iter().map(|issued| serial(issued)).collect();
    authority.revoke(number, &serials, now()).expect("a list")
}

/// Somebody with these knocks at a node, which says `expected` of it, as the one who knocks does.
async fn check_refused(name: &str, expected: &str, knocks: impl FnOnce(&Authority) -> (Authority, Issued)) {
    let log = Log::start();
    let own = authority();
    let a = Member::start(&own, "a", &[]);
    let (theirs, issued) = knocks(&own);
    let (endpoint, config) = client(&theirs, &issued);
    let connecting = endpoint.connect_with(config, a.address(), "a.node.rusm").expect("an address");
    // TLS 1.3: whoever dials is done before the other side has looked.
    if let Ok(quic) = within(connecting).await {
        let ended = within(quic.closed()).await.to_string();
        assert!(ended.contains(expected), "{name}: {ended}");
    }
    log.until(&["a connection was refused", expected]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_certificate_is_told_with_what_is_wrong_with_it() {
    let of = |own: &Authority| Authority::of_pem(own.certificate().to_owned(), own.key().to_owned());
    let expected = "the certificate of old has expired";
    check_refused("old", expected, |own| {
        let holder = Identity { name: "old".to_owned(), role: Role::Node };
        (of(own), own.issue(&holder, now() - 3 * DAY, DAY).expect("a certificate"))
    })
    .await;
    let expected = "the certificate of early does not count yet";
    check_refused("early", expected, |own| {
        let holder = Identity { name: "early".to_owned(), role: Role::Node };
        (of(own), own.issue(&holder, now() + 3 * DAY, DAY).expect("a certificate"))
    })
    .await;
    check_refused("foreign", "the certificate of foreign is of another cluster", |own| {
        let other = authority();
        let issued = issue(&other, "foreign");
        (of(own), issued)
    })
    .await;
    for kind in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P256_SHA256] {
        check_refused(
            "forged",
            "the certificate of forged names this cluster's authority, which has not signed it",
            |own| (of(own), forge(own, "forged", kind)),
        )
        .await;
    }
    check_refused("web", "of another authority, which is no cluster's", |own| (of(own), self_signed("web.node.rusm")))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_in_anothers_place_is_named() {
    let log = Log::start();
    let own = authority();
    let a = Member::start(&own, "a", &[]);
    let b = Member::start(&own, "moved-b", &[a.address()]);
    b.ask_until_answered("a", "hello").await;
    let address = b.address();
    within(b.member.stop()).await;
    drop(b);
    within(async {
        while std::net::UdpSocket::bind(address).is_err() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let _c = Member::start_at(address, "usurper", credentials(&own, &issue(&own, "usurper")), &[]);
    assert!(a.ask("moved-b", "are you there").await.is_err());
    log.until(&["node=\"moved-b\"", "the certificate is of usurper, who is not the one that was dialled"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_is_thrown_out_of_all_nodes_and_stays_out() {
    let log = Log::start();
    let own = authority();
    let stolen = issue(&own, "stolen");
    let a = Member::start(&own, "a", &[]);
    let b = Member::start(&own, "b", &[a.address()]);
    let bad = Member::start_with("stolen", credentials(&own, &stolen), &[a.address(), b.address()]);
    for (member, of) in [(&b, "a"), (&bad, "a"), (&bad, "b"), (&a, "b"), (&b, "stolen")] {
        member.ask_until_answered(of, "hello").await;
    }
    let downs = [watch(&a, "stolen"), watch(&b, "stolen")];
    a.ask("stolen", "watched").await.expect("it is there");
    b.ask("stolen", "watched").await.expect("it is there");

    // One node is told; the others hear of it.
    let revoked = list(&own, 1, &[&stolen]);
    assert_eq!(a.member.revoke(&revoked), Ok(true));
    for down in downs {
        assert_eq!(within(down).await.expect("a DOWN"), ExitReason::NOCONNECTION);
    }
    assert_eq!(b.member.revocations(), Some(1));
    log.until(&["a node is thrown out: its certificate is revoked", "stolen"]).await;
    log.until(&["this node was thrown out: its certificate is revoked"]).await;
    for (member, of) in [(&a, "stolen"), (&b, "stolen"), (&bad, "a"), (&bad, "b")] {
        assert!(member.ask(of, "let me in").await.is_err());
    }
    log.until(&["the certificate of stolen is revoked"]).await;
    assert_eq!(b.ask("a", "still there").await.as_deref(), Ok("still there"));

    // Who joins later hears of it, and so does a node that was away; each keeps it.
    let c = Member::start(&own, "c", &[b.address()]);
    c.ask_until_answered("b", "hello").await;
    within(async {
        while c.member.revocations() != Some(1) {
            tokio::task::yield_now().await
        }
    })
    .await;
    let (directory, name) = (c.directory.clone(), "c");
    let kept = directory.path().join("revocations-1");
    let is_kept = || std::fs::read(&kept).is_ok_and(|bytes| bytes.ends_with(&of_pem(&revoked)));
    within(async {
        while !is_kept() {
            tokio::task::yield_now().await
        }
    })
    .await;
    within(c.member.stop()).await;
    drop(c);
    let again = Member::start_in(directory, loopback(), name, credentials(&own, &issue(&own, name)), &[]);
    assert_eq!(again.member.revocations(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_new_certificate_outlives_the_old_ones_revocation() {
    let own = authority();
    let [old, new] = [issue(&own, "b"), issue(&own, "b")];
    let a = Member::start(&own, "a", &[]);
    let b = Member::start_with("b", credentials(&own, &old), &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "hello").await, "hello");
    b.member.renew(&credentials(&own, &new)).expect("it is the node's");
    assert_eq!(b.ask("a", "still there").await.as_deref(), Ok("still there"), "nothing was cut");
    let down = watch(&a, "b");
    a.ask("b", "watched").await.expect("it is there");
    assert_eq!(a.member.revoke(&list(&own, 1, &[&old])), Ok(true));
    assert_eq!(within(down).await.expect("a DOWN"), ExitReason::NOCONNECTION);
    assert_eq!(b.ask_until_answered("a", "back again").await, "back again");
    assert_eq!(a.ask_until_answered("b", "welcome").await, "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_is_not_dialled_again_until_it_has_a_new_certificate() {
    let log = Log::start();
    let own = authority();
    let [stolen, new] = [issue(&own, "outcast"), issue(&own, "outcast")];
    let a = Member::start(&own, "a", &[]);
    let bad = Member::start_with("outcast", credentials(&own, &stolen), &[a.address()]);
    bad.ask_until_answered("a", "hello").await;
    let down = watch(&a, "outcast");
    a.ask("outcast", "watched").await.expect("it is there");
    assert_eq!(a.member.revoke(&list(&own, 1, &[&stolen])), Ok(true));
    within(down).await.expect("a DOWN");
    for _ in 0..20 {
        assert!(a.ask("outcast", "are you there").await.is_err());
    }
    let dialled = |line: &&str| line.contains("no connection is made") && line.contains("node=\"outcast\"");
    assert_eq!(log.text().lines().filter(dialled).count(), 0, "it was not dialled: {}", log.text());
    bad.member.renew(&credentials(&own, &new)).expect("it is the node's");
    assert_eq!(bad.ask_until_answered("a", "back again").await, "back again");
    assert_eq!(a.ask_until_answered("outcast", "welcome").await, "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_the_nodes_is_not_taken() {
    let (own, other) = (authority(), authority());
    let a = Member::start(&own, "a", &[]);
    let check = |issued: &Issued, of: &Authority, expected: &str| {
        let refused = a.member.renew(&credentials(of, issued)).expect_err("it is not the node's").to_string();
        assert!(refused.contains(expected), "{refused}");
    };
    check(&issue(&own, "b"), &own, "the new certificate is for \"b\"");
    check(&issue(&other, "a"), &other, "of another cluster's authority");
    let [one, two] = [issue(&own, "a"), issue(&own, "a")];
    check(&Issued { certificate: one.certificate, key: two.key }, &own, "certificate and key cannot be used");
    let b = Member::start(&own, "b", &[a.address()]);
    assert_eq!(b.ask_until_answered("a", "hello").await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_with_the_greater_number_counts() {
    let own = authority();
    let [x, y] = [issue(&own, "x"), issue(&own, "y")];
    let a = Member::start(&own, "a", &[]);
    assert_eq!(a.member.revocations(), None);
    assert_eq!(a.member.revoke(&list(&own, 7, &[&x, &y])), Ok(true));
    assert_eq!(a.member.revoke(&list(&own, 7, &[])), Ok(false));
    assert_eq!(a.member.revoke(&list(&own, 6, &[])), Ok(false));
    assert_eq!(a.member.revocations(), Some(7));
    assert_eq!(a.member.revoke(&list(&authority(), 9, &[])), Err(RevocationsError::Signature));
    assert!(matches!(a.member.revoke("nonsense"), Err(RevocationsError::Malformed(_))));
    assert_eq!(a.member.revocations(), Some(7));
}

#[test]
fn a_list_says_which_certificates_it_names() {
    let own = authority();
    let issued = issue(&own, "x");
    let text = list(&own, 3, &[&issued]);
    let read = Revocations::of_pem(&text, own.certificate()).expect("a list");
    assert_eq!((read.number(), read.serials()), (3, &BTreeSet::from([serial(&issued)])));
    assert_eq!(serial(&issued).to_string().parse(), Ok(serial(&issued)));
    assert_eq!("0".parse::<Serial>(), Err(()));
    assert_eq!("zz".parse::<Serial>(), Err(()));
    let (first, second) = text.split_at(text.len() / 2);
    let flipped = format!("{first}{}{}", if second.starts_with('A') { 'B' } else { 'A' }, &second[1..]);
    assert!(Revocations::of_pem(&flipped, own.certificate()).is_err());
    let many: BTreeSet<Serial> = (0..9000_u32).map(|i| format!("7f{i:038x}").parse().expect("a number")).collect();
    let long = own.revoke(4, &many, now()).expect("a list");
    assert_eq!(Revocations::of_pem(&long, own.certificate()).err(), Some(RevocationsError::TooLong));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_cannot_revoke_others() {
    let own = authority();
    let victim = issue(&own, "victim");
    let a = Member::start(&own, "a", &[]);
    let b = Member::start_with("victim", credentials(&own, &victim), &[a.address()]);
    b.ask_until_answered("a", "before").await;
    let forged = list(&authority(), 1, &[&victim]);
    for (what, bytes) in [("garbage", vec![0x30; 64]), ("nothing", Vec::new()), ("a forged list", of_pem(&forged))] {
        let (_endpoint, quic) = connect(&own, &issue(&own, "rogue"), a.address()).await;
        let mut stream = within(quic.open_uni()).await.expect("a node takes streams");
        stream.write_all(&[&[0xff, 0xff], &bytes[..]].concat()).await.expect("it is open");
        stream.finish().expect("it is open");
        within(quic.closed()).await;
        assert_eq!((a.member.revocations(), what), (None, what));
    }
    assert_eq!(b.ask("a", "after").await.as_deref(), Ok("after"));
}

fn of_pem(list: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateRevocationListDer::from_pem_slice(list.as_bytes()).expect("a list").to_vec()
}
