//! Reports in files, folders and mailboxes, and everything that is no report.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use data_encoding::BASE64_MIME;
use flate2::Compression;
use flate2::write::GzEncoder;
use mta_sts_core::tlsrpt::ReportLimits;
use mta_sts_reporter::{Authentication, Double, Inbox, InboxItem, InboxLimits, ReceivedReport};

const DAY: &str = r#"{"start-datetime":"2024-09-15T00:00:00Z","end-datetime":"2024-09-15T23:59:59Z"}"#;

/// A report with this id, about example.com.
fn report(id: &str) -> String {
    report_of("Sender", id, r#""policy-domain":"example.com","#)
}

fn report_of(organization: &str, id: &str, domain: &str) -> String {
    format!(
        r#"{{"organization-name":"{organization}","date-range":{DAY},"contact-info":"tls@sender.example","report-id":"{id}",
        "policies":[{{"policy":{{{domain}"policy-type":"no-policy-found"}},
        "summary":{{"total-successful-session-count":1,"total-failure-session-count":0}}}}]}}"#
    )
}

fn gzip(octets: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn part(media_type: &str, encoding: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut part =
        format!("Content-Type: {media_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n").into_bytes();
    part.extend_from_slice(body.as_ref());
    part
}

fn base64_part(media_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    part(media_type, "base64", BASE64_MIME.encode(body.as_ref()))
}

fn multipart(kind: &str, boundary: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut text = format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n").into_bytes();
    for part in parts {
        text.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        text.extend_from_slice(part);
    }
    text.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    text
}

/// A mail as RFC 8460, 5.3, has it.
fn mail(id: &str) -> Vec<u8> {
    let text = part("text/plain", "7bit", "A report: is attached.\r\n");
    let attached = base64_part("application/tlsrpt+gzip; name=\"a!b!1!2.json.gz\"", gzip(report(id)));
    let mut mail =
        b"From: tls@sender.example\r\nTLS-Report-Domain: example.com\r\nMIME-Version: 1.0\r\n".to_vec();
    mail.extend_from_slice(&multipart("report; report-type=tlsrpt", "b", &[text, attached]));
    mail
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, octets) in files {
            let path = folder.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, octets).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self) -> Vec<String> {
        self.read_by(Inbox::new())
    }

    fn read_by(&self, inbox: Inbox) -> Vec<String> {
        let items = inbox.with_source(self.0.path()).read();
        items.map(|item| self.line(&item)).collect()
    }

    fn line(&self, item: &InboxItem) -> String {
        line(item).replacen(&format!("{}/", self.0.path().display()), "", 1)
    }
}

/// `file: id`, with `=` behind a double and `~` behind one that says something else; `file: !reason`; or `file: -`.
fn line(item: &InboxItem) -> String {
    match item {
        InboxItem::Report(received) => {
            let double = match received.double {
                None => "",
                Some(Double::Same) => " =",
                Some(Double::Differs) => " ~",
            };
            format!("{}: {}{double}", received.origin, received.report.id().unwrap_or("?"))
        }
        InboxItem::Unreadable(unreadable) => {
            assert!(unreadable.reason().to_string().ends_with(['.', ')']), "{unreadable}");
            format!("{}: !{}", unreadable.origin(), unreadable.reason().code())
        }
        InboxItem::Other(origin) => format!("{origin}: -"),
    }
}

/// What is in a message; `part 2: id`.
fn of_message(message: &[u8]) -> Vec<String> {
    of_message_by(&Inbox::new(), message)
}

fn of_message_by(inbox: &Inbox, message: &[u8]) -> Vec<String> {
    let items = inbox.read_message(message);
    items.iter().map(|item| line(item).replace("standard input, ", "")).collect()
}

fn only(items: &[InboxItem]) -> &ReceivedReport {
    assert_eq!(items.len(), 1, "{items:?}");
    items[0].report().unwrap()
}

// Proves R87, R88.
#[test]
fn a_file_is_what_its_octets_say() {
    let json = report("members");
    let members = [gzip(&json[..40]), gzip(&json[40..]), b"\0\0trailing".to_vec()].concat();
    let mailbox = [
        b"From x Fri Nov 27 10:00:00 2026\n".to_vec(),
        mail("first"),
        b"\nFrom x Fri Nov 27 10:00:00 2026\nSubject: hello\n\nhello\n\nFrom x Fri Nov 27 10:00:00 2026\n"
            .to_vec(),
        mail("second"),
    ]
    .concat();
    let folder = Folder::new(&[
        ("a.zip", report("json").as_bytes()),
        ("b.json", &gzip(report("gzip"))),
        ("c", &members),
        ("d.json", &mail("mail")),
        ("e.gz", &mailbox),
        ("f.txt", &gzip(gzip(mail("packed mail")))),
        ("g", &gzip(&mailbox)),
        ("h/deep/er", format!("\u{feff}\n{}", report("deep")).as_bytes()),
    ]);
    let expected = [
        "a.zip: json",
        "b.json: gzip",
        "c: members",
        "d.json, part 3: mail",
        "e.gz, message 1, part 3: first",
        "e.gz, message 2: -",
        "e.gz, message 3, part 3: second",
        "f.txt, part 3: packed mail",
        "g, message 1, part 3: first =",
        "g, message 3, part 3: second =",
        "h/deep/er: deep",
    ];
    assert_eq!(folder.read(), expected);
    // The order is that of the sources, whatever is read first.
    for threads in [1, 7] {
        assert_eq!(folder.read_by(Inbox::new().with_threads(threads)), expected);
    }
}

#[test]
fn a_maildir_is_its_messages() {
    let folder = Folder::new(&[
        ("cur/1.a:2,S", &mail("read")),
        ("new/2.a", &mail("new")),
        ("tmp/3.a", b"half a mess"),
        ("dovecot-uidlist", b"3 V1"),
        (".Reports/cur/4.a:2,", &mail("of a folder")),
        (".Reports/new/5.a", b"Subject: lunch\n\n1 pm?"),
        (".Reports/tmp/6.a", b""),
    ]);
    assert_eq!(
        folder.read(),
        [
            ".Reports/cur/4.a:2,, part 3: of a folder",
            ".Reports/new/5.a: -",
            "cur/1.a:2,S, part 3: read",
            "new/2.a, part 3: new",
        ]
    );
}

#[test]
fn reports_are_found_in_any_part_of_a_message() {
    let json = report("plain");
    let mut without_end = multipart("mixed", "x", &[part("application/tlsrpt+json", "8bit", &json)]);
    without_end.truncate(without_end.len() - 9);
    for (message, expected) in [
        // No multipart at all.
        (part("application/tlsrpt+json", "8bit", &json), vec!["part 1: plain"]),
        (part("application/tlsrpt+gzip", "BASE64", BASE64_MIME.encode(&gzip(&json))), vec!["part 1: plain"]),
        (
            part("text/plain", "quoted-printable", json.replace('=', "=3D").replace(',', "=2C=\r\n")),
            vec!["part 1: plain"],
        ),
        (part("application/octet-stream", "binary", gzip(&json)), vec!["part 1: plain"]),
        // Several reports, and one of them in a multipart of its own.
        (
            multipart(
                "mixed",
                "a",
                &[
                    base64_part("application/x-gzip", gzip(report("1"))),
                    multipart(
                        "alternative",
                        "ab",
                        &[b"\r\njust text".to_vec(), part("application/json", "7bit", report("2"))],
                    ),
                    part("image/png", "base64", "iVBORw0KGgo="),
                ],
            ),
            vec!["part 2: 1", "part 5: 2"],
        ),
        // Forwarded, in line and as a file that says nothing of itself.
        (
            multipart(
                "mixed",
                "x",
                &[
                    [b"Content-Type: message/rfc822\r\n\r\n".to_vec(), mail("forwarded")].concat(),
                    base64_part("application/octet-stream", mail("attached")),
                ],
            ),
            vec!["part 5: forwarded", "part 9: attached"],
        ),
        (without_end, vec!["part 2: plain"]),
    ] {
        assert_eq!(of_message(&message), expected, "{}", String::from_utf8_lossy(&message));
    }
}

#[test]
fn mail_without_a_report_is_passed_over_unless_it_promises_one() {
    let dmarc = "Subject: Report Domain: example.com Submitter: s.example Report-ID: <1>\r\n\r\nSo begins DMARC's, too.";
    let promised = "TLS-Report-Domain: example.com\r\n";
    let promising_type = "Content-Type: multipart/report; report-type=TLSRPT; boundary=x\r\n\r\n--x--";
    for (message, expected) in [
        (dmarc.into(), "standard input: -"),
        (part("application/json", "8bit", r#"{"event": 1}"#), "standard input: -"),
        (base64_part("application/gzip", gzip("<feedback/>")), "standard input: -"),
        (Vec::new(), "standard input: -"),
        (format!("{promised}\r\nWhere is it?").into(), "part 1: !missing-report"),
        (promising_type.into(), "part 1: !missing-report"),
        (part("application/json", "8bit", r#"{"policies": 1}"#), "part 1: !missing-policies"),
        (format!("{promised}Content-Type: application/json\r\n\r\n{{}}").into(), "part 1: !missing-policies"),
        (part("application/tlsrpt+json", "8bit", ""), "part 1: !empty"),
        (part("application/tlsrpt+json", "8bit", "<xml>"), "part 1: !unknown-content"),
        (part("application/tlsrpt+gzip", "base64", "*&^"), "part 1: !damaged-encoding"),
    ] {
        assert_eq!(of_message(&message), [expected], "{}", String::from_utf8_lossy(&message));
    }
}

#[test]
fn what_is_no_report_is_listed_with_its_reason() {
    let zip = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\0\0\0a.json...".as_slice();
    let mut cut = gzip(report("cut"));
    cut.truncate(cut.len() - 4);
    let mut wrong_sum = gzip(report("sum"));
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    let zip_in_mail = multipart("mixed", "b", &[base64_part("application/zip", zip)]);
    let folder = Folder::new(&[
        (".hidden", b"\0\0\0\x01Bud1"),
        (".report", report("hidden").as_bytes()),
        ("a.json", b""),
        ("b.json.gz", &cut),
        ("c.json.gz", &wrong_sum),
        ("d.json", b"{\"policies\": ["),
        ("e.json", b"[]"),
        ("f.json", zip),
        ("g", b"BZh91AY&SY"),
        ("h", b"\x89PNG"),
        ("i.xml", b"<?xml?>"),
        ("j.eml", &zip_in_mail),
        ("k", &gzip("")),
    ]);
    std::os::unix::fs::symlink(folder.0.path(), folder.path("l")).unwrap();
    std::os::unix::fs::symlink(folder.path(".report"), folder.path("m")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path("n")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(folder.path("o")).unwrap();
    assert_eq!(
        folder.read(),
        [
            ".hidden: -",
            ".report: hidden",
            "a.json: !empty",
            "b.json.gz: !damaged-gzip",
            "c.json.gz: !damaged-gzip",
            "d.json: !json-ends-early",
            "e.json: !report-not-an-object",
            "f.json: !zip",
            "g: !other-compression",
            "h: !unknown-content",
            "i.xml: !unknown-content",
            "j.eml, part 2: !zip",
            "k: !empty",
            "l: !special-file",
            "m: hidden =",
            "n: !file-unreadable",
            "o: !special-file",
        ]
    );
    drop(socket);
    // Whoever names a file means it.
    let named = |folder: &Folder, name: &str| {
        let items = Inbox::new().with_source(folder.path(name)).read();
        items.map(|item| folder.line(&item)).collect::<Vec<_>>()
    };
    assert_eq!(named(&folder, "nowhere"), ["nowhere: !file-unreadable"]);
    let lunch = Folder::new(&[("mail", b"Subject: lunch\n\n1 pm?")]);
    assert_eq!(named(&lunch, "mail"), ["mail: !no-report"]);
}

// Proves R77.
#[test]
fn a_report_that_came_twice_is_a_double() {
    let successes = |json: String, count| {
        json.replace("successful-session-count\":1", &format!("successful-session-count\":{count}"))
    };
    let own = r#""policy-domain":"example.com","#;
    let folder = Folder::new(&[
        ("a", report("1").as_bytes()),
        ("b", &mail("1")),
        ("c", successes(report("1"), 2).as_bytes()),
        ("d", report_of("sender ", "1", own).as_bytes()),
        ("e", report_of("Other", "1", own).as_bytes()),
        ("f", report("1").replace("2024-09-15", "2024-09-16").as_bytes()),
        // Nothing tells these apart but what they say.
        ("g", report("").as_bytes()),
        ("h", report("").as_bytes()),
        ("i", successes(report(""), 3).as_bytes()),
    ]);
    assert_eq!(
        folder.read(),
        ["a: 1", "b, part 3: 1 =", "c: 1 ~", "d: 1 ~", "e: 1", "f: 1", "g: ?", "h: ? =", "i: ?"]
    );
}

// Proves R83.
#[test]
fn the_report_tells_its_domain_and_the_mail_only_where_it_does_not() {
    let domain = |message: &[u8]| {
        let items = Inbox::new().read_message(message);
        only(&items).report.policies()[0].domain().map(str::to_owned)
    };
    let silent = report_of("Sender", "1", "");
    let own = report_of("Sender", "1", r#""policy-domain":"own.example","#);
    let name = "application/tlsrpt+json; name=\"s.example!name.example!1!2.json\"";
    let field = "TLS-Report-Domain: field.example\r\n";
    let subject = "Subject: Report Domain: subject.example Submitter: s.example Report-ID: <1@s.example>\r\n";
    for (head, media_type, json, expected) in [
        (format!("{subject}{field}"), name, &own, Some("own.example")),
        (format!("{subject}{field}"), name, &silent, Some("name.example")),
        (format!("{subject}{field}"), "application/tlsrpt+json", &silent, Some("field.example")),
        (subject.to_owned(), "application/tlsrpt+json", &silent, Some("subject.example")),
        (String::new(), "application/tlsrpt+json", &silent, None),
    ] {
        let message = [head.into_bytes(), part(media_type, "8bit", json)].concat();
        assert_eq!(domain(&message).as_deref(), expected);
    }
    // A file of that name, too.
    let folder = Folder::new(&[("s.example!name.example!1!2.json.gz", silent.as_bytes())]);
    let items: Vec<_> = Inbox::new().with_source(folder.0.path()).read().collect();
    assert_eq!(only(&items).report.policies()[0].domain(), Some("name.example"));
}

// Proves R20, A40.
#[test]
fn a_signature_is_required_of_the_host_that_is_trusted_alone() {
    let signed = |results: &str| [results.as_bytes(), &mail("1")].concat();
    let inbox = Inbox::new().with_required_dkim("mx.example.com");
    let pass =
        "Authentication-Results: mx.example.com;\r\n\tdkim=pass (2048-bit key) header.d=sender.example\r\n";
    let items = inbox.read_message(&signed(pass));
    assert_eq!(only(&items).authentication, Authentication::Verified { domain: "sender.example".into() });
    for results in [
        "",
        "Authentication-Results: mx.example.com; dkim=none\r\n",
        "Authentication-Results: other.example; dkim=pass header.d=sender.example\r\n",
        "Authentication-Results: mx.example.com; dkim=pass header.d=evil.example\r\n",
        &format!("Authentication-Results: mx.example.com; dkim=fail header.d=sender.example\r\n{pass}"),
    ] {
        assert_eq!(of_message_by(&inbox, &signed(results)), ["part 3: !not-authenticated"], "{results}");
    }
    // What a message brings along says nothing, and a file says nothing at all.
    let forwarded = [b"Content-Type: message/rfc822\r\n\r\n".to_vec(), signed(pass)].concat();
    assert_eq!(of_message_by(&inbox, &forwarded), ["part 4: !not-authenticated"]);
    let folder = Folder::new(&[("a.json", report("1").as_bytes())]);
    assert_eq!(folder.read_by(inbox), ["a.json: !not-authenticated"]);
    // By default nobody is asked.
    assert_eq!(only(&Inbox::new().read_message(&mail("1"))).authentication, Authentication::Unverified);
}

// Proves R88.
#[test]
fn bombs_are_bounded_and_named() {
    const MIB: usize = 1024 * 1024;
    let message = |parts: &[Vec<u8>]| multipart("mixed", "b", parts);
    // 64 MiB of blanks, behind the start of a report and alone.
    let bomb = |start: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(start).unwrap();
        let blanks = vec![b' '; MIB];
        (0..64).for_each(|_| encoder.write_all(&blanks).unwrap());
        encoder.finish().unwrap()
    };
    let json_bomb = bomb(b"{\"policies\": [");
    let nested_bomb = gzip(gzip(&json_bomb));
    let deep_gzip = (0..20).fold(report("deep").into_bytes(), |inner, _| gzip(inner));

    let mut nested: Vec<u8> = Vec::new();
    for number in 0..10_000 {
        let start = format!("Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n");
        nested.extend_from_slice(start.as_bytes());
    }
    let mut nested_messages = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000).into_bytes();
    nested_messages.extend_from_slice(&mail("inmost"));
    let many_parts = message(&vec![part("application/tlsrpt+json", "8bit", report("1")); 10_000]);
    let long_header = format!("Subject: {}\r\n\r\n", "x".repeat(MIB)).into_bytes();
    let detail = r#"{"result-type":"certificate-expired","failed-session-count":1},"#;
    let details = report("1")
        .replace("\"summary\"", &format!("\"failure-details\":[{}{{}}],\"summary\"", detail.repeat(150_000)));
    let two_million = format!("{{\"policies\":[{{\"failure-details\":[{}{{}}]}}]}}", "{},".repeat(2_000_000));
    // Each is within the limit, and all together are not.
    let again = part("application/tlsrpt+gzip", "binary", gzip(report("1") + &" ".repeat(9_000_000)));

    for (name, octets, expected) in [
        ("a bomb of JSON", json_bomb, "too-much-unpacked"),
        ("a bomb of blanks", bomb(b""), "too-much-unpacked"),
        ("a bomb in bombs", nested_bomb, "too-much-unpacked"),
        ("members", gzip("").repeat(100_000), "too-much-unpacked"),
        ("gzip in gzip", deep_gzip, "too-deep"),
        ("multiparts in multiparts", nested, "too-deep"),
        ("messages in messages", nested_messages, "too-deep"),
        ("many parts", many_parts, "too-many-parts"),
        ("a long header", long_header, "header-too-large"),
        ("many fields", "A: b\r\n".repeat(200_000).into_bytes(), "header-too-large"),
        ("details", details.into_bytes(), "too-many-failure-details"),
        ("two million details", two_million.into_bytes(), "too-many-failure-details"),
        (
            "100 MB of MIME",
            message(&[part("text/plain", "7bit", vec![b'x'; 100 * MIB])]),
            "message-too-large",
        ),
        ("100 MB of nothing", vec![0; 100 * MIB], "unknown-content"),
        ("a long JSON", format!("{{{}}}", " ".repeat(12_000_000)).into_bytes(), "report-too-large"),
        ("the same again", message(&vec![again; 60]), "too-much-unpacked"),
    ] {
        let folder = Folder::new(&[("x", &octets)]);
        let items = folder.read();
        let last = items.last().unwrap();
        assert!(last.ends_with(&format!("!{expected}")), "{name}: {last}");
        assert!(items.len() <= 65, "{name}");
    }
}

#[test]
fn all_reports_together_are_bounded() {
    let reports: Vec<_> =
        (0..20).map(|number| (format!("{number:02}"), report(&number.to_string()))).collect();
    let files: Vec<_> = reports.iter().map(|(name, json)| (name.as_str(), json.as_bytes())).collect();
    let folder = Folder::new(&files);
    let of = |limits| folder.read_by(Inbox::new().with_limits(limits));
    let enough = reports.iter().map(|(_, json)| json.len() as u64).sum();
    assert_eq!(of(InboxLimits::new().with_max_total(enough)).last().unwrap(), "19: 19");
    let cut = of(InboxLimits::new().with_max_total(enough - 1));
    assert_eq!((cut.len(), cut[19].as_str()), (20, "19: !too-much-in-all"));
    let few = of(InboxLimits::new().with_max_files(3));
    assert_eq!(few.len(), 1);
    assert!(few[0].ends_with(": !too-many-files"), "{few:?}");
    let short = ReportLimits::new().with_max_len(100);
    assert!(of(InboxLimits::new().with_report(short)).iter().all(|line| line.ends_with("!report-too-large")));
}

#[test]
fn whoever_stops_reading_leaves_nothing_behind() {
    let reports: Vec<_> =
        (0..500).map(|number| (format!("{number:03}"), report(&number.to_string()))).collect();
    let files: Vec<_> = reports.iter().map(|(name, json)| (name.as_str(), json.as_bytes())).collect();
    let folder = Folder::new(&files);
    let mut items = Inbox::new().with_source(folder.0.path()).read();
    assert!(items.next().is_some());
    let (read, known) = items.progress();
    assert!(read == 1 && known == 500, "{read} of {known}");
    drop(items);
}

/// What real senders have sent; it is not part of this repository.
#[test]
fn real_reports_are_all_read() {
    let corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/reports"));
    let Ok(files) = fs::read_dir(&corpus) else { return };
    let has_ending = |path: &Path, wanted: &str| path.extension().is_some_and(|ending| ending == wanted);
    let (mut inbox, mut packed, mut plain) = (Inbox::new(), 0, 0);
    for path in files.map(|file| file.unwrap().path()).filter(|path| !has_ending(path, "tsv")) {
        *(if has_ending(&path, "gz") { &mut packed } else { &mut plain }) += 1;
        inbox = inbox.with_source(path);
    }
    let items: Vec<_> = inbox.read().collect();
    assert_eq!(plain, 24, "the corpus is not whole");
    let reports: Vec<_> = items.iter().map(|item| item.report().unwrap()).collect();
    // The compressed ones are the same, again.
    let count = |double| reports.iter().filter(|report| report.double == double).count();
    assert!(count(Some(Double::Same)) >= packed, "{} of {packed}", count(Some(Double::Same)));
    assert_eq!(count(None) + count(Some(Double::Same)) + count(Some(Double::Differs)), plain + packed);
    assert!(count(None) >= 15, "{reports:?}");
}
