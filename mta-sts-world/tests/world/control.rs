use std::path::Path;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::client::{ask_udp, mail_hosts, texts, world};

struct Control(BufReader<UnixStream>);

impl Control {
    async fn connect(directory: &Path) -> Self {
        Self(BufReader::new(UnixStream::connect(directory.join("control")).await.unwrap()))
    }

    async fn line(&mut self, line: &str) -> Value {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

#[tokio::test]
async fn switches_lists_and_resets() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = world().await;
    world.write_files(directory.path()).unwrap();
    world.serve_control(directory.path()).unwrap();
    let zone = || std::fs::read_to_string(directory.path().join("zone")).unwrap();
    let mut control = Control::connect(directory.path()).await;

    assert!(zone().contains("\ntxt-suppressed.test. 60 IN MX 10 mx.txt-suppressed.test.\n"));
    let command = r#"{"command":"switch","scenario":"txt-suppressed","state":"attack"}"#;
    let answer = control.line(command).await;
    assert_eq!(answer, json!({"switched": {"scenario": "txt-suppressed", "state": "attack"}}));
    assert_eq!(mail_hosts(&world, "txt-suppressed.test").await, ["mx.attacker.test"]);
    assert!(zone().contains("\ntxt-suppressed.test. 60 IN MX 10 mx.attacker.test.\n"));

    let command =
        r#"{"command":"tlsrpt","domain":"txt-suppressed.test","record":"v=TLSRPTv1; rua=mailto:a@b.test"}"#;
    let answer = control.line(command).await;
    assert_eq!(answer["tlsrpt"]["domain"], "txt-suppressed.test");
    let name = "_smtp._tls.txt-suppressed.test";
    let record = texts(&ask_udp(&world, name, RecordType::TXT, None).await.unwrap());
    assert_eq!(record, ["v=TLSRPTv1; rua=mailto:a@b.test"]);

    let answer = control
        .line(r#"{"command":"records","name":"a.example","type":"MX","records":["10 mx.a.example"]}"#)
        .await;
    assert_eq!(answer, json!({"records": {"name": "a.example", "records": ["10 mx.a.example"]}}));
    assert_eq!(mail_hosts(&world, "a.example").await, ["mx.a.example"]);

    let scenarios = control.line(r#"{"command":"scenarios"}"#).await;
    let scenarios = scenarios["scenarios"].as_array().unwrap();
    let suppressed = scenarios.iter().find(|scenario| scenario["name"] == "txt-suppressed").unwrap();
    assert_eq!((&suppressed["state"], &suppressed["initial"]), (&json!("attack"), &json!("calm")));
    assert_eq!(suppressed["expected"]["mta_sts"]["delivery"], json!({"result": "deferred"}));

    let seen = control.line(r#"{"command":"seen"}"#).await;
    let question = json!({"name": "txt-suppressed.test", "record_type": "MX", "transport": "udp"});
    assert_eq!(seen["seen"]["dns"][0], question);
    assert_eq!(control.line(r#"{"command":"reset"}"#).await, json!({"reset": true}));
    let seen = control.line(r#"{"command":"seen"}"#).await;
    assert_eq!(seen["seen"], json!({"dns": [], "https": [], "smtp": [], "forgotten": 0}));
    assert_eq!(mail_hosts(&world, "txt-suppressed.test").await, ["mx.txt-suppressed.test"]);
}

#[tokio::test]
async fn a_bad_line_is_answered_and_the_connection_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = world().await;
    world.serve_control(directory.path()).unwrap();
    let mut control = Control::connect(directory.path()).await;
    let long = format!(r#"{{"command":"seen","padding":"{}"}}"#, "x".repeat(100_000));
    for (line, code) in [
        ("", "bad-command"),
        ("nonsense", "bad-command"),
        ("\"seen\"", "bad-command"),
        (r#"{"command":"explode"}"#, "bad-command"),
        (r#"{"command":"records","name":"a.example","type":"A","records":["x"]}"#, "bad-records"),
        (r#"{"command":"switch","scenario":"mx-spoofed","state":"sideways"}"#, "bad-command"),
        (r#"{"command":"switch","scenario":"nobody","state":"calm"}"#, "unknown-scenario"),
        (long.as_str(), "line-too-long"),
    ] {
        let answer = control.line(line).await;
        assert_eq!(answer["error"]["code"], code, "{line}");
        assert!(answer["error"]["message"].is_string());
    }
    assert_eq!(control.line(r#"{"command":"reset"}"#).await, json!({"reset": true}));
}

#[tokio::test]
async fn the_files_describe_the_world() {
    let directory = tempfile::tempdir().unwrap();
    let world = world().await;
    world.write_files(directory.path()).unwrap();
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert_eq!(read("ca.pem"), world.ca_pem());

    let json: Value = serde_json::from_str(&read("world.json")).unwrap();
    assert_eq!(json["dns"], world.dns_addr().to_string());
    assert_eq!(
        (&json["https_port"], &json["smtp_port"]),
        (&world.https_port().into(), &world.smtp_port().into())
    );
    assert_eq!(json["scenarios"].as_array().unwrap().len(), world.scenarios().len());
    for host in json["mail_hosts"].as_array().unwrap() {
        let answer = ask_udp(&world, host["name"].as_str().unwrap(), RecordType::A, None).await.unwrap();
        let address = answer.answers.last().unwrap().data.to_string();
        assert_eq!(host["address"], address);
    }
}

#[tokio::test]
async fn a_socket_left_over_is_replaced_and_a_served_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = world().await;
    first.serve_control(directory.path()).unwrap();
    let mut second = world().await;
    assert_eq!(second.serve_control(directory.path()).unwrap_err().code(), "file-failed");
    first.shutdown().await;
    second.serve_control(directory.path()).unwrap();
}
